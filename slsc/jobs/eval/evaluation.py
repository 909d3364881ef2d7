"""Quality of a network or bundle against reference images: what `slsc eval` reports."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from slsc.data.degradations import benchmark_noise, bicubic_pair
from slsc.data.images import list_images, open_rgb
from slsc.data.layouts import find_pairs, known_pairs
from slsc.errors import DataError, UsageError
from slsc.metrics.lpips import Distance, lpips_distance
from slsc.metrics.protocol import Protocol, protocol_for
from slsc.networks.restorer import Restorer
from slsc.progress import StageProgress
from slsc.runtime.image.resample import imresize

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Score:
    """Figures of one image, or means over images, by the protocol of the network's task.

    Attributes:
        name: the image's path below its folder, or "mean".
        protocol: which channels and pixels count.
        psnr: dB; infinite for equal images.
        ssim: on the same channels and pixels.
        baseline_psnr: `psnr` of what the network got: the bicubic enlargement, or the unrestored image.
        lpips: perceptual distance of the whole images, None where not asked for.
        cost: what the average pixel cost, a share of the dense network's multiply-accumulates, where a bundle chose by
            region; None elsewhere.
    """

    name: str
    protocol: Protocol
    psnr: float
    ssim: float
    baseline_psnr: float
    lpips: float | None
    cost: float | None = None

    def to_dict(self) -> dict[str, str | float | None]:
        """As JSON-ready values, such as `psnr_y`: an infinite PSNR becomes None."""
        psnr = self.protocol.psnr_name
        figures = {psnr: self.psnr, "ssim": self.ssim, f"baseline_{psnr}": self.baseline_psnr}
        finite = {name: value if math.isfinite(value) else None for name, value in figures.items()}
        others = {"lpips": self.lpips, "cost": self.cost}
        return {"name": self.name, **finite, **{name: value for name, value in others.items() if value is not None}}


def evaluate(
    restorer: Restorer,
    hr_dir: Path,
    lr_dir: Path | None,
    *,
    noise: float | None = None,
    lpips: bool,
    progress: StageProgress,
) -> list[Score]:
    """Restore images and compare them with references.

    Args:
        restorer: see `open_restorer`.
        hr_dir: folder of references, or a data set laid out as DIV2K, GOPRO or REDS, which holds the inputs too.
            References are cut at the bottom and right to a multiple of the scale.
        lr_dir: folder of inputs of the same names; None takes those of the data set, or makes them from the references
            by MATLAB's bicubic.
        noise: for same-size networks: makes the inputs by adding Gaussian noise of this standard deviation, in 8-bit
            levels, to the references: the same for every image of a size, neither rounded nor clipped.
        lpips: measure LPIPS too.
        progress: told after every image.

    Returns:
        A score per image, in order of their paths.

    Raises:
        UsageError: no inputs for a same-size restorer, or `noise` for one of another kind or beside inputs.
        DataError: an unusable folder or image, a pair that does not match; names the file.
        BackendError: LPIPS is asked for and not installed.
    """
    _require_noise(noise, restorer.io.scale, lr_dir)
    distance = lpips_distance() if lpips else None
    pairs = input_pairs(hr_dir, lr_dir, restorer.io.scale, noise)
    scores = []
    for given, reference in pairs:
        restored, plain, wanted = _restored(restorer, reference, given, noise)
        name = str(reference.relative_to(hr_dir))
        try:
            score = _score(name, protocol_for(restorer.io), restored, plain, wanted, distance)
        except ValueError as error:
            raise DataError("image too small to evaluate", where=str(reference), why=str(error)) from error
        scores.append(replace(score, cost=restorer.cost))
        progress("evaluating", len(scores), len(pairs))
    return scores


def mean_score(scores: list[Score]) -> Score:
    """Mean of every figure over images."""
    distances = [score.lpips for score in scores if score.lpips is not None]
    costs = [score.cost for score in scores if score.cost is not None]
    return Score(
        "mean",
        scores[0].protocol,
        float(np.mean([score.psnr for score in scores])),
        float(np.mean([score.ssim for score in scores])),
        float(np.mean([score.baseline_psnr for score in scores])),
        float(np.mean(distances)) if distances else None,
        float(np.mean(costs)) if costs else None,
    )


def input_pairs(
    hr_dir: Path, lr_dir: Path | None, scale: int, noise: float | None
) -> Sequence[tuple[Path | None, Path]]:
    """Inputs, where there are such, and references; see `evaluate`."""
    if lr_dir is not None:
        return find_pairs((lr_dir, hr_dir), scale)
    found = known_pairs(hr_dir, scale) if noise is None else None
    if found is not None:
        return found
    if noise is None and scale == 1:
        raise UsageError(
            "a same-size network needs degraded inputs",
            where=str(hr_dir),
            why="it is not laid out as GOPRO or REDS, which hold them",
            hint="give their folder: --lr DIR",
        )
    return [(None, path) for path in list_images(hr_dir)]


def _require_noise(noise: float | None, scale: int, lr_dir: Path | None) -> None:
    if noise is not None and (scale > 1 or lr_dir is not None):
        why = "the network enlarges" if scale > 1 else "there are inputs already"
        raise UsageError("noise makes the inputs of same-size networks", why=why, hint="leave out --noise")
    if noise is not None and not (math.isfinite(noise) and noise > 0):
        raise UsageError(f"noise of {noise:g} levels", hint="give a standard deviation above 0, such as --noise 25")


def _score(
    name: str, protocol: Protocol, restored: Pixels, plain: Pixels, wanted: Pixels, distance: Distance | None
) -> Score:
    return Score(
        name,
        protocol,
        protocol.psnr(restored, wanted),
        protocol.ssim(restored, wanted),
        protocol.psnr(plain, wanted),
        distance(restored, wanted) if distance else None,
    )


def _restored(
    restorer: Restorer, reference: Path, given: Path | None, noise: float | None
) -> tuple[Pixels, Pixels, Pixels]:
    """The restored image, what the network got at the same size, and the reference cut to fit."""
    scale, protocol = restorer.io.scale, protocol_for(restorer.io)
    wanted = protocol.seen(open_rgb(reference))
    if noise is not None:
        noisy = _noisy(wanted, noise)
        return _rounded(restorer.restore_values(noisy)), _rounded(noisy), wanted
    if given is not None:
        low, wanted = fitted_pair(protocol.seen(open_rgb(given)), wanted, given, scale)
    else:
        try:
            low, wanted = bicubic_pair(wanted, scale)
        except DataError as error:
            raise DataError(error.what, where=str(reference), why=error.why) from error
    plain = low if scale == 1 else imresize(low, wanted.shape[:2], round_passes=True)
    return restorer.restore(low), plain, wanted


def _noisy(image: Pixels, sigma: float) -> npt.NDArray[np.float32]:
    """Black 0, white 1, plus noise of `sigma` 8-bit levels."""
    return (image / 255 + benchmark_noise(image.shape, sigma / 255)).astype(np.float32)


def _rounded(values: npt.NDArray[np.float32]) -> Pixels:
    return np.rint(values.clip(0, 1) * 255).astype(np.uint8)


def fitted_pair(low: Pixels, wanted: Pixels, given: Path, scale: int) -> tuple[Pixels, Pixels]:
    """The input, and the reference cut to `scale` times its size.

    Raises:
        DataError: they do not fit; names the input's file.
    """
    height, width = (side * scale for side in low.shape[:2])
    if (wanted.shape[0] // scale, wanted.shape[1] // scale) != low.shape[:2]:
        raise DataError(
            "the input does not fit its reference",
            where=str(given),
            why=f"x{scale} makes {width}x{height} of it, the reference is {wanted.shape[1]}x{wanted.shape[0]}",
            hint="check that --lr and --hr are of this network's scale",
        )
    return low, wanted[:height, :width]

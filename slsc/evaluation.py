"""Quality of a network or bundle against reference images: what `slsc eval` reports."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from slsc.data.degrade import bicubic_pair
from slsc.data.images import list_images, open_rgb
from slsc.errors import DataError, UsageError
from slsc.metrics.lpips import Distance, lpips_distance
from slsc.metrics.psnr import psnr_y
from slsc.metrics.ssim import ssim_y
from slsc.restorer import Restorer
from slsc.runtime.resample import imresize

Pixels = npt.NDArray[np.uint8]
Progress = Callable[[str, int, int], None]
"""Called with (stage, done, total) as work proceeds."""


@dataclass(frozen=True)
class Score:
    """Figures of one image, or means over images.

    Attributes:
        name: the image's path below its folder, or "mean".
        psnr_y: dB on luma, `scale` pixels left out at each border; infinite for equal images.
        ssim: on luma, likewise.
        baseline_psnr_y: `psnr_y` of what the network got: the bicubic enlargement, or the unrestored image.
        lpips: perceptual distance, None where not asked for.
    """

    name: str
    psnr_y: float
    ssim: float
    baseline_psnr_y: float
    lpips: float | None

    def to_dict(self) -> dict[str, str | float | None]:
        """As JSON-ready values: an infinite PSNR becomes None."""
        figures = {"psnr_y": self.psnr_y, "ssim": self.ssim, "baseline_psnr_y": self.baseline_psnr_y}
        finite = {name: value if math.isfinite(value) else None for name, value in figures.items()}
        return {"name": self.name, **finite, **({} if self.lpips is None else {"lpips": self.lpips})}


def evaluate(restorer: Restorer, hr_dir: Path, lr_dir: Path | None, *, lpips: bool, progress: Progress) -> list[Score]:
    """Restore images and compare them with references.

    Args:
        restorer: see `open_restorer`.
        hr_dir: folder of references; cut at the bottom and right to a multiple of the scale.
        lr_dir: folder of inputs of the same names; None makes them from the references by MATLAB's bicubic.
        lpips: measure LPIPS too.
        progress: told after every image.

    Returns:
        A score per image, in order of their paths.

    Raises:
        UsageError: a same-size restorer without `lr_dir`.
        DataError: an unusable folder or image, a pair that does not match; names the file.
        BackendError: LPIPS is asked for and not installed.
    """
    if lr_dir is None and restorer.scale == 1:
        raise UsageError("a same-size network needs degraded inputs", hint="give their folder: --lr DIR")
    distance = lpips_distance() if lpips else None
    references = list_images(hr_dir)
    inputs: list[Path | None] = [None] * len(references)
    if lr_dir is not None:
        inputs = [*_partners(references, hr_dir, lr_dir, restorer.scale)]
    scores = []
    for reference, given in zip(references, inputs, strict=True):
        scores.append(_score(restorer, reference, given, str(reference.relative_to(hr_dir)), distance))
        progress("evaluating", len(scores), len(references))
    return scores


def mean_score(scores: list[Score]) -> Score:
    """Mean of every figure over images."""
    distances = [score.lpips for score in scores if score.lpips is not None]
    return Score(
        "mean",
        float(np.mean([score.psnr_y for score in scores])),
        float(np.mean([score.ssim for score in scores])),
        float(np.mean([score.baseline_psnr_y for score in scores])),
        float(np.mean(distances)) if distances else None,
    )


def _score(restorer: Restorer, reference: Path, given: Path | None, name: str, distance: Distance | None) -> Score:
    scale = restorer.scale
    low, high = _pair(reference, given, scale)
    restored = restorer.restore(low)
    border = scale if scale > 1 else 0
    plain = low if scale == 1 else imresize(low, high.shape[:2], round_passes=True)
    try:
        return Score(
            name,
            psnr_y(restored, high, border),
            ssim_y(restored, high, border),
            psnr_y(plain, high, border),
            distance(restored, high) if distance else None,
        )
    except ValueError as error:
        raise DataError("image too small to evaluate", where=str(reference), why=str(error)) from error


def _pair(reference: Path, given: Path | None, scale: int) -> tuple[Pixels, Pixels]:
    """The input and the reference cut to fit it."""
    high = open_rgb(reference)
    if given is None:
        try:
            return bicubic_pair(high, scale)
        except DataError as error:
            raise DataError(error.what, where=str(reference), why=error.why) from error
    low = open_rgb(given)
    height, width = (side * scale for side in low.shape[:2])
    if (high.shape[0] // scale, high.shape[1] // scale) != low.shape[:2]:
        raise DataError(
            "the input does not fit its reference",
            where=str(given),
            why=f"x{scale} makes {width}x{height} of it, the reference is {high.shape[1]}x{high.shape[0]}",
            hint="check that --lr and --hr are of this network's scale",
        )
    return low, high[:height, :width]


def _partners(references: list[Path], hr_dir: Path, lr_dir: Path, scale: int) -> list[Path]:
    """The input of each reference: the same path below its folder, any image suffix, perhaps `x4` after the name."""
    by_stem = {path.relative_to(lr_dir).with_suffix("").as_posix(): path for path in list_images(lr_dir)}
    partners = []
    for reference in references:
        stem = reference.relative_to(hr_dir).with_suffix("").as_posix()
        partner = by_stem.get(stem) or by_stem.get(f"{stem}x{scale}")
        if partner is None:
            raise DataError("no input for the reference", where=str(reference), why=f"{lr_dir} has no {stem}.*")
        partners.append(partner)
    return partners

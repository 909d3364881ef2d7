"""The photos of a compilation: what the search sees, and what is held out to measure on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from slsc.data.calibration import calibration_photos
from slsc.data.degradations import bicubic_pair, degrade
from slsc.data.layouts import find_pairs, open_pair
from slsc.data.patches import Pair

Pixels = npt.NDArray[np.uint8]

PHOTOS = 400
"""At most so many photos are read; cut to `SIDE`, they fit in a few hundred megabytes whatever the folder holds."""

PROBE_PHOTOS = 4
"""So many of them suffice to find a network's interface on."""

SIDE = 512
"""Photos are cut to at most this side around their centre, pixels of the network's output."""

HELD_OUT_EVERY, HELD_OUT_FIRST, HELD_OUT_MOST = 5, 3, 8
"""Every fifth photo, from the fourth on, at most eight."""


@dataclass(frozen=True)
class CompileData:
    """Pairs (network's input, wanted output), HxWx3 uint8 RGB.

    Attributes:
        search: what the search sees.
        held_out: what the result is measured on; the same as `search` when there is one photo only.
        labelled: the wanted outputs are the user's, so the search may learn from them.
        truth: the wanted outputs are better than the inputs, so that PSNR against them says something.
    """

    search: list[Pair]
    held_out: list[Pair]
    labelled: bool
    truth: bool


def photos(data: Path | None, seed: int) -> list[Pixels]:
    """The photos of a folder, else of scikit-image, cut to `SIDE`.

    Raises:
        DataError: no usable image in the folder.
    """
    return [_cut(photo) for photo in calibration_photos(data, PHOTOS, seed)]


def from_photos(images: list[Pixels], scale: int, degradation: str | None) -> CompileData:
    """Unlabelled photos, in the state the network is made for.

    Args:
        images: HxWx3 uint8.
        scale: above 1 the inputs are the photos reduced bicubically.
        degradation: what a same-size network undoes (`ProbeResult.degradation`), which the inputs then suffer from;
            None feeds it the photos as they are.
    """
    if scale > 1:
        pairs = [bicubic_pair(image, scale) for image in images]
    else:
        pairs = [(degrade(image, degradation) if degradation else image, image) for image in images]
    search, held_out = _split(pairs)
    return CompileData(search, held_out, labelled=False, truth=scale > 1 or degradation is not None)


def from_pairs(low: Path, high: Path, scale: int) -> CompileData:
    """Labelled pairs: images of one name in two folders, those in `high` exactly `scale` times larger.

    Raises:
        DataError: a file without partner, or of the wrong size.
    """
    drawn = find_pairs((low, high), scale)[:PHOTOS]
    pairs = [_aligned_cut(open_pair(paths, scale, 1), scale) for paths in drawn]
    search, held_out = _split(pairs)
    return CompileData(search, held_out, labelled=True, truth=True)


def _aligned_cut(pair: Pair, scale: int) -> Pair:
    low, high = pair
    side = SIDE // scale
    top, left = (max(0, extent - side) // 2 for extent in low.shape[:2])
    return (
        low[top : top + side, left : left + side].copy(),
        high[top * scale : (top + side) * scale, left * scale : (left + side) * scale].copy(),
    )


def _cut(photo: Pixels) -> Pixels:
    top, left = (max(0, extent - SIDE) // 2 for extent in photo.shape[:2])
    return photo[top : top + SIDE, left : left + SIDE].copy()  # a view would hold the whole photo


def _split(pairs: list[Pair]) -> tuple[list[Pair], list[Pair]]:
    if len(pairs) == 1:
        return pairs, pairs
    chosen = set(range(HELD_OUT_FIRST, len(pairs), HELD_OUT_EVERY)[:HELD_OUT_MOST]) or {len(pairs) - 1}
    return (
        [pair for index, pair in enumerate(pairs) if index not in chosen],
        [pair for index, pair in enumerate(pairs) if index in chosen],
    )

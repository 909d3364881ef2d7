"""The photos of a compilation: what the search sees, and what is held out to measure on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from slsc.data.calibration import calibration_photos
from slsc.data.degradations import bicubic_pair, degrade, shrinkings
from slsc.data.graphics import drawn
from slsc.data.layouts import find_pairs, open_pair
from slsc.data.patches import Pair

Pixels = npt.NDArray[np.uint8]
T = TypeVar("T")

PHOTOS = 400
"""At most so many photos are read; cut to `SIDE`, they fit in a few hundred megabytes whatever the folder holds."""

PROBE_PHOTOS = 4
"""So many of them suffice to find a network's interface on."""

SIDE = 512
"""Photos are cut to at most this side around their centre, pixels of the network's output."""

GRAPHICS = 16
"""So many pictures are drawn."""

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
        scale: how much larger the outputs are.
        undone: what inputs made of photos suffer from; unknown, so nothing, where the user gave them.
    """

    search: list[Pair]
    held_out: list[Pair]
    labelled: bool
    truth: bool
    scale: int
    undone: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """The held-out photos in words."""
        return f"{len(self.held_out)} held-out {'pairs' if self.labelled else 'photos'}"

    def graphics(self) -> list[Pair]:
        """Pictures like pages and slides, spoilt as the photos are."""
        return _all_spoilt([drawn(SIDE, (index,)) for index in range(GRAPHICS)], self.scale, self.undone)


def photos(data: Path | None, seed: int) -> list[Pixels]:
    """The photos of a folder, else of scikit-image, cut to `SIDE`.

    Raises:
        DataError: no usable image in the folder.
    """
    return [_cut(photo) for photo in calibration_photos(data, PHOTOS, seed)]


def probe_photos(images: list[Pixels]) -> list[Pixels]:
    """Those to find a network's interface on; none of them is held out unless there is one only."""
    return split(images)[0][:PROBE_PHOTOS]


def from_photos(images: list[Pixels], scale: int, undone: Sequence[str]) -> CompileData:
    """Unlabelled photos, in the states the network is made for.

    Args:
        images: HxWx3 uint8.
        scale: above 1 the inputs are the photos reduced bicubically.
        undone: what the network undoes (`ProbeResult.undone`), from which the photos suffer in turn; where it is
            nothing, a same-size network is fed the photos as they are.
    """
    search, held_out = (_all_spoilt(part, scale, undone) for part in split(images))
    return CompileData(search, held_out, False, scale > 1 or bool(undone), scale, tuple(undone))


def _all_spoilt(images: Sequence[Pixels], scale: int, undone: Sequence[str]) -> list[Pair]:
    names = [undone[index % len(undone)] if undone else None for index in range(len(images))]
    return [_spoilt(image, scale, name) for image, name in zip(images, names, strict=True)]


def _spoilt(image: Pixels, scale: int, name: str | None) -> Pair:
    if scale == 1:
        return degrade(image, name) if name else image, image
    low, high = bicubic_pair(image, scale)
    return (shrinkings(scale)[name](low.astype(np.float64)).astype(np.uint8) if name else low), high


def from_pairs(low: Path, high: Path, scale: int) -> CompileData:
    """Labelled pairs: images of one name in two folders, those in `high` exactly `scale` times larger.

    Raises:
        DataError: a file without partner, or of the wrong size.
    """
    drawn = find_pairs((low, high), scale)[:PHOTOS]
    pairs = [_aligned_cut(open_pair(paths, scale, 1), scale) for paths in drawn]
    search, held_out = split(pairs)
    return CompileData(search, held_out, labelled=True, truth=True, scale=scale)


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


def split(items: list[T]) -> tuple[list[T], list[T]]:
    """Photos or pairs for the search, and those held out; the same where there is one only."""
    if len(items) == 1:
        return items, items
    chosen = set(range(HELD_OUT_FIRST, len(items), HELD_OUT_EVERY)[:HELD_OUT_MOST]) or {len(items) - 1}
    return (
        [item for index, item in enumerate(items) if index not in chosen],
        [item for index, item in enumerate(items) if index in chosen],
    )

"""Random training patches: aligned crops of (LR, HR) pairs held in memory, flipped and transposed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from slsc.data.degrade import bicubic_pair
from slsc.data.images import open_rgb
from slsc.errors import DataError

Pixels = npt.NDArray[np.uint8]
Pair = tuple[Pixels, Pixels]
"""(LR, HR), HxWx3 uint8, HR an exact multiple of LR."""


class PatchSampler:
    """Draws batches of aligned patches.

    Args:
        pairs: LR images have sides of at least `patch`.
        scale: HR pixels per LR pixel along each axis.
        patch: side of the LR patches in pixels.
    """

    def __init__(self, pairs: Sequence[Pair], scale: int, patch: int) -> None:
        self.pairs, self.scale, self.patch = pairs, scale, patch

    def batch(self, size: int, seed: Sequence[int]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """`size` patches as float32 NCHW in 0..1, LR and HR. The same `seed` gives the same batch."""
        rng = np.random.default_rng(seed)
        drawn = [self._draw(rng) for _ in range(size)]
        return _to_unit_nchw([lr for lr, _ in drawn]), _to_unit_nchw([hr for _, hr in drawn])

    def _draw(self, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
        lr, hr = self.pairs[int(rng.integers(len(self.pairs)))]
        top, left = (int(rng.integers(side - self.patch + 1)) for side in lr.shape[:2])
        symmetry = int(rng.integers(8))
        return (
            apply_symmetry(_cut(lr, top, left, self.patch), symmetry),
            apply_symmetry(_cut(hr, top * self.scale, left * self.scale, self.patch * self.scale), symmetry),
        )


def load_pairs(paths: Iterable[Path], scale: int, patch: int, done: Callable[[], object]) -> list[Pair]:
    """Decode `paths` and make their bicubic LR images; `done()` is called after each.

    Raises:
        DataError: an image cannot be read, or has no room for an LR patch of side `patch`; names the file.
    """
    pairs = []
    for path in paths:
        image = open_rgb(path)
        if min(image.shape[:2]) < patch * scale:
            raise DataError(
                "image too small",
                where=str(path),
                why=f"its smallest side is {min(image.shape[:2])} pixels, a patch takes {patch * scale}",
                hint="remove it, or train on smaller patches: --patch",
            )
        pairs.append(bicubic_pair(image, scale))
        done()
    return pairs


def apply_symmetry(image: Pixels, index: int) -> Pixels:
    """One of the 8 symmetries of the square (0..7), applied to an HxWxC image."""
    if index & 4:
        image = image.swapaxes(0, 1)
    return image[:: -1 if index & 1 else 1, :: -1 if index & 2 else 1]


def _cut(image: Pixels, top: int, left: int, side: int) -> Pixels:
    return image[top : top + side, left : left + side]


def _to_unit_nchw(patches: Sequence[Pixels]) -> npt.NDArray[np.float32]:
    unit: npt.NDArray[np.float32] = np.divide(np.stack(patches).transpose(0, 3, 1, 2), 255, dtype=np.float32)
    return unit

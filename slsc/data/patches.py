"""Random training patches: aligned crops of (LR, HR) pairs held in memory, flipped and transposed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Pair = tuple[Pixels, Pixels]
"""(LR, HR), HxWx3 uint8, HR an exact multiple of LR."""


class PatchSampler:
    """Draws aligned patches.

    Args:
        pairs: LR images have sides of at least `patch`.
        scale: HR pixels per LR pixel along each axis.
        patch: side of the LR patches in pixels.
    """

    def __init__(self, pairs: Sequence[Pair], scale: int, patch: int) -> None:
        self.pairs, self.scale, self.patch = pairs, scale, patch

    def draw(self, seed: Sequence[int]) -> Pair:
        """One patch, side x side x 3, and its wanted output. The same `seed` gives the same patch."""
        rng = np.random.default_rng(seed)
        lr, hr = self.pairs[int(rng.integers(len(self.pairs)))]
        top, left = (int(rng.integers(side - self.patch + 1)) for side in lr.shape[:2])
        symmetry = int(rng.integers(8))
        return (
            apply_symmetry(_cut(lr, top, left, self.patch), symmetry),
            apply_symmetry(_cut(hr, top * self.scale, left * self.scale, self.patch * self.scale), symmetry),
        )


def apply_symmetry(image: Pixels, index: int) -> Pixels:
    """One of the 8 symmetries of the square (0..7), applied to an HxWxC image."""
    if index & 4:
        image = image.swapaxes(0, 1)
    return image[:: -1 if index & 1 else 1, :: -1 if index & 2 else 1]


def _cut(image: Pixels, top: int, left: int, side: int) -> Pixels:
    return image[top : top + side, left : left + side]

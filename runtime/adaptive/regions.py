"""Regions of an image, and maps that say which candidate each of them gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from slsc.errors import UsageError

ChoiceMap = npt.NDArray[np.uint8]
"""(rows, columns) of indices of candidates, the cheapest being 0."""

SIDE = 24
"""Default side of a region, input pixels."""


@dataclass(frozen=True)
class Regions:
    """The squares that an image is cut into; those at the bottom and right are cut short by its border.

    Attributes:
        height, width: of the image, input pixels.
        side: of a region, input pixels.
    """

    height: int
    width: int
    side: int

    @classmethod
    def of(cls, pixels: npt.NDArray[Any], side: int) -> Regions:
        """Those of an HxWxC image."""
        height, width = pixels.shape[:2]
        return cls(height, width, side)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of regions."""
        return -(-self.height // self.side), -(-self.width // self.side)

    @property
    def pixels(self) -> npt.NDArray[np.float64]:
        """(rows, columns): input pixels of every region."""
        rows, columns = (
            np.minimum(self.side, extent - self.side * np.arange(count))
            for extent, count in zip((self.height, self.width), self.shape, strict=True)
        )
        return np.multiply.outer(rows, columns).astype(np.float64)

    def spread(self, values: npt.NDArray[Any], scale: int = 1) -> npt.NDArray[Any]:
        """A value of every region for each of its pixels, `scale` a side for each of the input."""
        step = self.side * scale
        return values.repeat(step, 0).repeat(step, 1)[: self.height * scale, : self.width * scale]


def require_map(choice: npt.NDArray[Any], regions: Regions, candidates: Sequence[str]) -> ChoiceMap:
    """A map as it is to be used.

    Raises:
        UsageError: it is of another size or type, or names a candidate that there is not.
    """
    if choice.ndim != 2 or choice.dtype.kind not in "iu":
        raise UsageError("the map is no table of candidates", why=f"it is {choice.dtype} of shape {list(choice.shape)}")
    if choice.shape != regions.shape:
        raise UsageError(
            f"the map has {choice.shape[0]}x{choice.shape[1]} regions",
            why=f"{regions.height}x{regions.width} input pixels are {regions.shape[0]}x{regions.shape[1]} regions of "
            f"{regions.side}",
            hint="make it for an image of this size",
        )
    low, high = int(choice.min()), int(choice.max())
    if low < 0 or high >= len(candidates):
        raise UsageError(
            f"the map names candidate {low if low < 0 else high}",
            why=f"there are {len(candidates)}: {', '.join(candidates)}",
            hint=f"use 0 to {len(candidates) - 1}",
        )
    return choice.astype(np.uint8)


def shares(choice: ChoiceMap, regions: Regions, count: int) -> npt.NDArray[np.float64]:
    """(count,): share of the image's pixels that each candidate restores."""
    found = np.bincount(choice.ravel(), regions.pixels.ravel(), count)
    return found / found.sum()

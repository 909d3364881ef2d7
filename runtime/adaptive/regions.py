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

Size = tuple[int, int]
"""Height and width of a region, input pixels."""

SIZE: Size = (24, 32)
"""The default: wide, so that each of the native engine's vectors lies in one region."""


@dataclass(frozen=True)
class Regions:
    """The rectangles that an image is cut into; those at the bottom and right are cut short by its border.

    Attributes:
        height, width: of the image, input pixels.
        size: of a region.
    """

    height: int
    width: int
    size: Size

    @classmethod
    def of(cls, pixels: npt.NDArray[Any], size: Size) -> Regions:
        """Those of an HxWxC image."""
        height, width = pixels.shape[:2]
        return cls(height, width, size)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of regions."""
        return -(-self.height // self.size[0]), -(-self.width // self.size[1])

    @property
    def pixels(self) -> npt.NDArray[np.float64]:
        """(rows, columns): input pixels of every region."""
        rows, columns = (
            np.minimum(side, extent - side * np.arange(count))
            for side, extent, count in zip(self.size, (self.height, self.width), self.shape, strict=True)
        )
        return np.multiply.outer(rows, columns).astype(np.float64)

    def spread(self, values: npt.NDArray[Any], scale: int = 1) -> npt.NDArray[Any]:
        """A value of every region for each of its pixels, `scale` a side for each of the input."""
        return values.repeat(self.size[0] * scale, 0).repeat(self.size[1] * scale, 1)[
            : self.height * scale, : self.width * scale
        ]


def region_means(plane: npt.NDArray[Any], regions: Regions, scale: int = 1) -> npt.NDArray[np.float64]:
    """(sH, sW) values of an image's pixels, `scale` a side for each of the input, to the mean of each region."""
    for axis, (count, side) in enumerate(zip(regions.shape, regions.size, strict=True)):
        plane = np.add.reduceat(plane, np.arange(count) * side * scale, axis)
    means: npt.NDArray[np.float64] = plane / (regions.pixels * scale**2)
    return means


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
            f"{regions.size[0]}x{regions.size[1]}",
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

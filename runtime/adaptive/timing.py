"""What restoring takes on this device, by candidate: as a photo is restored, from its pixels to those of the output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from slsc.runtime.adaptive.regions import ChoiceMap, Regions, Size
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.tiles.tiling import round_up

TIMED_HW = (192, 256)
"""Height and width of the image on which candidates are timed, input pixels. Smaller ones stay in caches that
photos outgrow: a pixel of half as many takes a tenth less."""

TIMED_RUNS = 3

Clocked = Callable[[Size, ChoiceMap], float]
"""Restores some photo of a height and width by a map; gives the seconds that it took."""


@dataclass(frozen=True)
class Pace:
    """Seconds that a photo takes.

    Attributes:
        start: whatever its size.
        pixels: (K,) for each input pixel with each candidate besides, ascending.
    """

    start: float
    pixels: npt.NDArray[np.float64]


def timed_hw(io: ImageIO) -> Size:
    """`TIMED_HW` as a network takes it: its own size where it takes one only."""
    height, width = io.fixed_hw or map(round_up, TIMED_HW, io.multiple_of)
    return height, width


def measure(clocked: Clocked, io: ImageIO, size: Size, count: int) -> Pace:
    """Time candidates in the passes that maps of several take, which take longer than the candidates' own.

    Args:
        clocked: see there.
        io: of the network.
        size: of a region, input pixels.
        count: candidates. Each has all regions but the first, which the next one has; where the first is half of the
            image or more, each has them all.
    """
    hw = timed_hw(io)
    regions = Regions(*hw, size)
    maps = list(_maps(regions, count))
    taken = _least(clocked, hw, maps)
    start = 0.0 if io.fixed_hw else _start(clocked, io, size, taken[0], regions.pixels.sum())
    pixels = [np.bincount(each.ravel(), regions.pixels.ravel(), count) for each in maps]
    found = np.linalg.solve(np.array(pixels), np.maximum(np.array(taken) - start, 0.0))
    # A network that happens to be faster than a cheaper one counts as no faster.
    return Pace(start, np.maximum.accumulate(found))


def _maps(regions: Regions, count: int) -> Iterator[ChoiceMap]:
    for index in range(count):
        each = np.full(regions.shape, index, np.uint8)
        if 2 * regions.pixels[0, 0] < regions.pixels.sum():
            each[0, 0] = (index + 1) % count
        yield each


def _start(clocked: Clocked, io: ImageIO, size: Size, taken: float, pixels: float) -> float:
    """What an image takes whatever its size: a smaller one takes more than by its pixels with the first candidate."""
    hw = (round_up(TIMED_HW[0] // 2, io.multiple_of[0]), round_up(TIMED_HW[1] // 2, io.multiple_of[1]))
    small = Regions(*hw, size)
    (least,) = _least(clocked, hw, [next(_maps(small, 2))])
    share = small.pixels.sum() / pixels
    return float(min(max(0.0, (least - share * taken) / (1 - share)), least))


def _least(clocked: Clocked, hw: Size, maps: Sequence[ChoiceMap]) -> list[float]:
    """Seconds of the fastest of some runs in turn, after one that is not counted: it prepares for the size."""
    taken = [[clocked(hw, each) for each in maps] for _ in range(1 + TIMED_RUNS)]
    return [min(column) for column in zip(*taken[1:], strict=True)]

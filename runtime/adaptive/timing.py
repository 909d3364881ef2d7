"""What restoring takes on this device, by candidate: as a photo is restored, from its pixels to those of the output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from slsc.runtime.adaptive.one_pass import computed_beside
from slsc.runtime.adaptive.regions import ChoiceMap, Regions, Size
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.tiles.tiling import round_up

TIMED_HW = (288, 384)
"""Height and width of the image on which candidates are timed, input pixels. Smaller ones stay in caches that
photos outgrow: a pixel of 192 x 256 takes a sixth less, one of 427 x 640 up to a tenth more."""

TIMED_RUNS = 2

APART = 4
"""Regions of which one is restored where it is timed what neighbours of single ones cost."""

Clock = Callable[[], float]
"""Tells seconds, as `time.perf_counter`."""

Clocked = Callable[[Size, ChoiceMap], float]
"""Restores some photo of a height and width by a map; gives the seconds that it took."""


@dataclass(frozen=True)
class Pace:
    """Seconds that a photo takes.

    Attributes:
        start: whatever its size.
        pixels: (K,) for each input pixel with each candidate besides, ascending.
        beside: for each that is left out and computed for restored ones, which lie in pieces; None where nothing is
            left out.
    """

    start: float
    pixels: npt.NDArray[np.float64]
    beside: float | None


def timed_hw(io: ImageIO) -> Size:
    """`TIMED_HW` as a network takes it: its own size where it takes one only."""
    height, width = io.fixed_hw or map(round_up, TIMED_HW, io.multiple_of)
    return height, width


def measure(clocked: Clocked, io: ImageIO, size: Size, count: int, *, leaves_out: bool) -> Pace:
    """Time candidates in the passes that maps of several take, which take longer than the candidates' own.

    Args:
        clocked: see there.
        io: of the network.
        size: of a region, input pixels.
        count: candidates. Each has all regions but the first, which the next one has; where the first is half of the
            image or more, each has them all.
        leaves_out: the first candidate's regions are left out of a pass that restores the others.
    """
    hw = timed_hw(io)
    regions = Regions(*hw, size)
    maps = list(_maps(regions, count))
    single = np.indices(regions.shape).sum(0) % APART == 0
    *taken, apart = _least(clocked, hw, [*maps, single.astype(np.uint8)])
    counts = [_pixels(regions, each, count) for each in maps]
    start = 0.0 if io.fixed_hw else _start(clocked, io, size, counts, taken)
    found = np.linalg.solve(np.array(counts), np.maximum(np.array(taken) - start, 0.0))
    # A network that happens to be faster than a cheaper one counts as no faster.
    pace = np.maximum.accumulate(found)
    shares = computed_beside(single, size[0]) * regions.pixels
    if not leaves_out or not shares.any():
        return Pace(start, pace, None)
    alone = start + (pace[single.astype(np.intp)] * regions.pixels).sum()
    return Pace(start, pace, float(pace[0] + max(pace[1] - pace[0], (apart - alone) / shares.sum())))


def _maps(regions: Regions, count: int) -> Iterator[ChoiceMap]:
    for index in range(count):
        each = np.full(regions.shape, index, np.uint8)
        if 2 * regions.pixels[0, 0] < regions.pixels.sum():
            each[0, 0] = (index + 1) % count
        yield each


def _pixels(regions: Regions, choice: ChoiceMap, count: int) -> npt.NDArray[np.float64]:
    """(count,) of each candidate."""
    return np.bincount(choice.ravel(), regions.pixels.ravel(), count).astype(np.float64)


def _start(
    clocked: Clocked, io: ImageIO, size: Size, counts: Sequence[npt.NDArray[np.float64]], taken: Sequence[float]
) -> float:
    """What an image takes whatever its size: what a smaller one takes beyond what its pixels do."""
    hw = (round_up(TIMED_HW[0] // 2, io.multiple_of[0]), round_up(TIMED_HW[1] // 2, io.multiple_of[1]))
    small = Regions(*hw, size)
    choice = next(_maps(small, len(counts)))
    (least,) = _least(clocked, hw, [choice])
    rows = np.array([*counts, _pixels(small, choice, len(counts))])
    found = np.linalg.solve(np.column_stack([np.ones(len(rows)), rows]), np.array([*taken, least]))
    return float(min(max(0.0, found[0]), least, *taken))


def _least(clocked: Clocked, hw: Size, maps: Sequence[ChoiceMap]) -> list[float]:
    """Seconds of the fastest of some runs in turn, after one that is not counted: it prepares for the size."""
    taken = [[clocked(hw, each) for each in maps] for _ in range(1 + TIMED_RUNS)]
    return [min(column) for column in zip(*taken[1:], strict=True)]

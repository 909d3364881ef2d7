"""A map on backends whose engines have one capacity each: parts of a tile through several networks, then put together.

Regions of one choice are merged into rectangles, which a halo surrounds; where these take more than the one rectangle
around them all, that is run. Between regions of different networks outputs fade into each other over a few pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from slsc.runtime.adaptive.enlarging import ENLARGING_HALO, enlarged
from slsc.runtime.adaptive.regions import ChoiceMap, Regions
from slsc.runtime.backends.base import RIM, Batch, Runner, wrong_size
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.tiles.tiling import Tile, round_up

FADE = RIM
"""Input pixels on each side of a border between networks over which their outputs fade into each other."""

LEAST_HALO = FADE + ENLARGING_HALO
"""Of tiles that are mixed, whatever the networks need."""


@dataclass(frozen=True)
class Part:
    """A rectangle of a tile: rows and columns of its first and after its last input pixels."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def pixels(self) -> int:
        """How many it has."""
        return (self.bottom - self.top) * (self.right - self.left)

    def grown(self, by: int, hw: Sequence[int], align: int = 1) -> Part:
        """With so many pixels around it, as far as there are any; it begins and ends at multiples of `align`."""
        return Part(
            max(0, self.top - by) // align * align,
            min(hw[0], round_up(self.bottom + by, align)),
            max(0, self.left - by) // align * align,
            min(hw[1], round_up(self.right + by, align)),
        )


@dataclass(frozen=True)
class MixedTiles:
    """Restores tiles of one photo by a map; see the module and `slsc.runtime.tiles.tile_runner.TileRunner`.

    Attributes:
        runners: of the candidates, cheapest first; None for what costs nothing: enlargement, or leaving it.
        costs: of them, a pixel.
        choice: the photo's map.
        regions: of the photo.
        io: how pixels enter and leave every network.
        halo: input pixels that a rectangle needs around it.
        align: of every network's input.
    """

    runners: Sequence[Runner | None]
    costs: Sequence[float]
    choice: ChoiceMap
    regions: Regions
    io: ImageIO
    halo: int
    align: int

    def price(self, tile: Tile) -> float:
        """Cost times input pixels of what `run` runs for a tile."""
        return sum(self.costs[index] * part.pixels for index, parts in self._plan(tile).items() for part in parts)

    def run(self, image: Batch, tile: Tile) -> Batch:
        """See `TileRunner.run`; what lies outside the tile's core is left undefined."""
        plan = self._plan(tile)
        if len(plan) == 1:
            return self._whole(next(iter(plan)), image)
        return self._mixed(image, self._wanted(tile), plan)

    def _wanted(self, tile: Tile) -> ChoiceMap:
        """The choice at every input pixel of the tile; beyond the photo that of its border."""
        rows, columns = (
            np.arange(span.start, span.stop).clip(0, extent - 1) // side
            for span, side, extent in zip(
                (tile.rows, tile.columns), self.regions.size, (self.regions.height, self.regions.width), strict=True
            )
        )
        return self.choice[np.ix_(rows, columns)]

    def _plan(self, tile: Tile) -> dict[int, list[Part]]:
        """What is to be run of a tile by candidate: rectangles, or the one around them where that is less."""
        wanted = self._wanted(tile)
        hw = wanted.shape
        rows, columns = (
            slice(span.core_start - span.start, span.core_stop - span.start) for span in (tile.rows, tile.columns)
        )
        found: dict[int, list[Part]] = {}
        for index in np.unique(wanted).tolist():
            needed = np.zeros(hw, bool)
            needed[rows, columns] = (faded(wanted == index, 1) > 0)[rows, columns]
            if not needed.any():
                continue
            grown = [part.grown(self.halo, hw, self.align) for part in rectangles(needed)]
            around = Part(
                min(part.top for part in grown),
                max(part.bottom for part in grown),
                min(part.left for part in grown),
                max(part.right for part in grown),
            )
            found[index] = grown if sum(part.pixels for part in grown) < around.pixels else [around]
        return found

    def _mixed(self, image: Batch, wanted: ChoiceMap, plan: dict[int, list[Part]]) -> Batch:
        scale, hw = self.io.scale, wanted.shape
        output = np.zeros((1, self.io.channels, hw[0] * scale, hw[1] * scale), np.float32)
        for index, parts in plan.items():
            weight = faded(wanted == index, scale)
            done = np.zeros(weight.shape, bool)
            for part in parts:
                given = image[:, :, part.top : part.bottom, part.left : part.right]
                restored = self._whole(index, np.ascontiguousarray(given))
                inner = self._trusted(part, hw)
                rows, columns = (
                    slice(first * scale, last * scale)
                    for first, last in ((inner.top, inner.bottom), (inner.left, inner.right))
                )
                found = restored[
                    :,
                    :,
                    (inner.top - part.top) * scale : (inner.bottom - part.top) * scale,
                    (inner.left - part.left) * scale : (inner.right - part.left) * scale,
                ]
                new = np.where(done[rows, columns], np.float32(0), weight[rows, columns])
                output[:, :, rows, columns] += new * found
                done[rows, columns] = True
        return output

    def _trusted(self, part: Part, hw: Sequence[int]) -> Part:
        """A part without its halo, which is none at the tile's own border."""
        return Part(
            part.top + self.halo if part.top else 0,
            part.bottom - self.halo if part.bottom < hw[0] else hw[0],
            part.left + self.halo if part.left else 0,
            part.right - self.halo if part.right < hw[1] else hw[1],
        )

    def _whole(self, index: int, image: Batch) -> Batch:
        runner = self.runners[index]
        if runner is None:
            return enlarged(image, self.io)
        restored = runner.run(image)
        expected = (1, self.io.channels, *(side * self.io.scale for side in image.shape[2:]))
        if restored.shape != expected:
            raise wrong_size(restored.shape, expected)
        return restored


def rectangles(chosen: npt.NDArray[np.bool_]) -> Iterator[Part]:
    """Rectangles that cover the true pixels once: rows of runs, those above one another that are equal merged."""
    open_runs: dict[tuple[int, int], int] = {}
    for row, line in enumerate([*chosen, np.zeros(chosen.shape[1], bool)]):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], line, [False]]).astype(np.int8)))
        runs = {(int(left), int(right)) for left, right in edges.reshape(-1, 2)}
        for run in [run for run in open_runs if run not in runs]:
            yield Part(open_runs.pop(run), row, *run)
        for run in runs - open_runs.keys():
            open_runs[run] = row


def faded(chosen: npt.NDArray[np.bool_], scale: int) -> npt.NDArray[np.float32]:
    """Weight of a candidate at every output pixel; those of all candidates sum to 1."""
    whole = chosen.astype(np.float32).repeat(scale, 0).repeat(scale, 1)
    size = 2 * FADE * scale + 1
    return cv2.blur(whole, (size, size), borderType=cv2.BORDER_REPLICATE).astype(np.float32, copy=False)

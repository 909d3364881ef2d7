"""A map on backends that give each region its own within one pass, for photos that go through it in tiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slsc.runtime.adaptive.left_out import LeftOut
from slsc.runtime.adaptive.mixed_tiles import Part
from slsc.runtime.adaptive.regions import ChoiceMap, Size
from slsc.runtime.backends.base import Batch, Regional
from slsc.runtime.tiles.tiling import Tile


@dataclass(frozen=True)
class RegionalTiles:
    """Restores tiles of one photo by a map; see `slsc.runtime.tiles.tile_runner.TileRunner`.

    Attributes:
        runner: its regions have the size of the map's.
        choice: the photo's map, as the runner takes it.
        size: of a region; every tile starts at multiples of it.
        left_out: what restores the regions that the runner leaves out.
    """

    runner: Regional
    choice: ChoiceMap
    size: Size
    left_out: LeftOut | None

    def run(self, image: Batch, tile: Tile) -> Batch:
        """See `TileRunner.run`; beyond the photo regions are those of its border."""
        shape = self.runner.regions(*image.shape[2:])
        rows, columns = (
            np.minimum(span.start // side + np.arange(count), extent - 1)
            for span, side, count, extent in zip(
                (tile.rows, tile.columns), self.size, shape, self.choice.shape, strict=True
            )
        )
        restored = self.runner.run_map(image, np.ascontiguousarray(self.choice[np.ix_(rows, columns)]))
        if self.left_out:
            top, left = tile.rows.start, tile.columns.start
            within = Part(top, top + image.shape[2], left, left + image.shape[3])

            def cut(part: Part) -> Batch:
                return image[:, :, part.top - top : part.bottom - top, part.left - left : part.right - left]

            self.left_out.fill(restored[0], top * self.left_out.io.scale, within, cut)
        return restored

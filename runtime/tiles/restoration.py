"""Restoring one photo: tiles through networks, finished output rows out, one band of tiles at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from slsc.errors import ResourceError
from slsc.runtime.backends.base import AllocationFailed, Batch, wrong_size
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.image.photo import Photo
from slsc.runtime.image.pixels import Bands, compose, output_shape, to_batch
from slsc.runtime.tiles.tile_grid import TileGrid
from slsc.runtime.tiles.tile_runner import TileRunner
from slsc.runtime.tiles.tiling import Tile, cut_out, slices, split

TileProgress = Callable[[int, int], None]
"""Called after every tile with the number of tiles done and of all; of a streamed photo, with rows of its output."""

COMPOSED_ROWS = 32
"""Output rows finished at a time, which bounds the temporaries."""


class Restoration:
    """One photo on its way through networks of one interface.

    Args:
        runner: restores its tiles.
        io: conventions of the networks.
        photo: the input.
        grid: its tiles.
        progress: told after every tile.
    """

    def __init__(
        self,
        runner: TileRunner,
        io: ImageIO,
        photo: Photo,
        grid: TileGrid,
        progress: TileProgress | None,
    ) -> None:
        self._runner, self._io, self._photo, self._grid = runner, io, photo, grid
        self._progress = progress
        self._hw = photo.pixels.shape[:2]
        self._halvings = 0

    def bands(self) -> Bands:
        """The output from top to bottom as bands of whole rows, HxWxC of the photo's dtype.

        Raises:
            ResourceError: memory runs out even with the smallest tile.
            BackendError: a network fails, or returns another size than its bundle says.
            VerificationError: a network returns values that are not numbers.
        """
        rows, columns, scale = self._grid.rows, self._grid.columns, self._io.scale
        _, width, channels = output_shape(self._photo, self._io)
        done = 0
        for row in rows:
            stop = min(row.core_stop, self._hw[0])
            band = np.empty(((stop - row.core_start) * scale, width, channels), self._photo.pixels.dtype)
            for column in columns:
                self._restore(Tile(row, column), band, row.core_start * scale, 0)
                done += 1
                if self._progress:
                    self._progress(done, len(rows) * len(columns))
            yield band

    def _restore(self, tile: Tile, band: npt.NDArray[Any], band_start: int, halved: int) -> None:
        """Restore a tile into the band, in halves of halves if memory has turned out too short for more."""
        parts = self._halves(tile) if halved < self._halvings else ()
        if not parts:
            try:
                restored = self._runner.run(to_batch(cut_out(self._photo.pixels, tile), self._io), tile)
            except (AllocationFailed, MemoryError) as error:
                parts = self._halves(tile)
                if not parts:
                    raise _out_of_memory(tile) from error
                # The tiles to come are cut as well: what failed once would fail again.
                self._halvings = halved + 1
            else:
                self._place(tile, restored, band, band_start)
        for part in parts:
            self._restore(part, band, band_start, halved + 1)

    def _halves(self, tile: Tile) -> tuple[Tile, ...]:
        """The two parts of a tile; none where it cannot be cut."""
        try:
            return split(tile, self._grid.halo, self._grid.align) if self._grid.can_split else ()
        except ValueError:
            return ()

    def _place(self, tile: Tile, restored: Batch, band: npt.NDArray[Any], band_start: int) -> None:
        """Compose the core of a restored tile into the band."""
        scale = self._io.scale
        extent = [(span.stop - span.start) * scale for span in (tile.rows, tile.columns)]
        if restored.shape != (1, self._io.channels, *extent):
            raise wrong_size(restored.shape, (1, self._io.channels, *extent))
        left = tile.columns.core_start * scale
        right = min(tile.columns.core_stop, self._hw[1]) * scale
        offset = tile.columns.start * scale
        top, bottom = tile.rows.core_start * scale, min(tile.rows.core_stop, self._hw[0]) * scale
        for start, stop in slices(top, bottom, COMPOSED_ROWS):
            first = tile.rows.start * scale
            part = restored[0, :, start - first : stop - first, left - offset : right - offset]
            rows = slice(start - band_start, stop - band_start)
            band[rows, left:right] = compose(part, self._photo, self._io, (start, stop), (left, right))


def _out_of_memory(tile: Tile) -> ResourceError:
    height, width = (span.stop - span.start for span in (tile.rows, tile.columns))
    return ResourceError(
        "out of memory",
        why=f"a tile of {width}x{height} input pixels could not be allocated, and cannot be cut further",
        hint="free some memory, or use a smaller --tile",
    )

"""Tiles are laid from the shape of an image alone."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from slsc.errors import ResourceError
from slsc.runtime.tiles.tile_grid import ImageShape, Limits, tile_grid

SHAPE = ImageShape(height=3000, width=4000, channels=4, sample_bytes=2)


def limits(memory: int, *, tile: int | None = None) -> Limits:
    return Limits(memory, resident=0, run=lambda height, width: 200 * height * width, tile=tile, exact=False)


def test_bytes_of_a_shape() -> None:
    assert SHAPE.bytes == 3000 * 4000 * 8


def test_less_memory_makes_more_tiles_that_cover_the_image(tiny: SimpleNamespace) -> None:
    manifest = tiny.manifest()
    counts = []
    for memory in (1 << 30, 300 << 20, 200 << 20):
        grid = tile_grid(manifest.io, manifest.tile, SHAPE, 0, limits(memory))
        counts.append(len(grid.rows) * len(grid.columns))
        for cut, size in ((grid.rows, SHAPE.height), (grid.columns, SHAPE.width)):
            assert [span.core_start for span in cut] == [0, *(span.core_stop for span in cut[:-1])]
            assert cut[-1].core_stop == size
    assert counts == sorted(counts) and counts[0] < counts[-1]


def test_deeper_samples_and_output_that_is_held_leave_less_for_tiles(tiny: SimpleNamespace) -> None:
    manifest = tiny.manifest()

    def tiles(shape: ImageShape, held: int) -> int:
        grid = tile_grid(manifest.io, manifest.tile, shape, held, limits(160 << 20))
        return len(grid.rows) * len(grid.columns)

    assert tiles(replace(SHAPE, sample_bytes=1), 0) < tiles(SHAPE, 0)
    with pytest.raises(ResourceError, match="smallest tile does not fit"):
        tiles(SHAPE, held=160 << 20)


def test_an_image_whose_tiles_would_differ_stays_whole_where_it_fits(tiny: SimpleNamespace) -> None:
    manifest = tiny.manifest()
    off = replace(manifest.tile, bound=1.5 / 255)
    assert not off.faithful and manifest.tile.faithful

    def tiles(memory: int, tile: int | None = None) -> int:
        grid = tile_grid(manifest.io, off, SHAPE, 0, limits(memory, tile=tile))
        return len(grid.rows) * len(grid.columns)

    assert tiles(4 << 30) == 1
    assert tiles(1 << 30) > 1 and tiles(4 << 30, tile=1000) > 1


def test_a_smaller_tile_may_be_asked_for(tiny: SimpleNamespace) -> None:
    manifest = tiny.manifest(halo=4)
    grid = tile_grid(manifest.io, manifest.tile, SHAPE, 0, limits(1 << 30, tile=64))
    assert max(span.stop - span.start for span in (*grid.rows, *grid.columns)) <= 64 + 2 * 4

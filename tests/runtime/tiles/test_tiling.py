from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slsc.runtime.tiles.tiling import Span, Tile, cut_out, even_extent, round_up, slices, spans, split

aligns = st.sampled_from([1, 2, 3, 4, 8])


def require_sound(parts: tuple[Span, ...], first: int, last: int, low: int, high: int, halo: int, align: int) -> None:
    """Cores cover first..last once; extents start aligned, stay in low..high and hold the halo except there."""
    assert parts[0].core_start == first
    assert parts[-1].core_stop == last
    for left, right in pairwise(parts):
        assert left.core_stop == right.core_start
    for part in parts:
        assert low <= part.start <= part.core_start < part.core_stop <= part.stop <= high
        assert part.start % align == 0
        assert part.start == low or part.core_start - part.start >= halo
        assert part.stop == high or part.stop - part.core_stop >= halo


@given(st.integers(1, 400), st.integers(0, 5), st.integers(1, 20), aligns)
def test_spans_cover_with_halo(size: int, halo_units: int, core_units: int, align: int) -> None:
    halo, core = halo_units * align, core_units * align
    extent = even_extent(size, core + 2 * halo, halo, align)
    assert extent <= core + 2 * halo
    parts = spans(size, extent, halo, align)
    require_sound(parts, 0, size, 0, size, halo, align)
    assert {part.stop - part.start for part in parts[:-1]} <= {extent}
    assert len(parts) == 1 or extent - align < parts[-1].stop - parts[-1].start <= extent


@given(st.integers(17, 400), st.integers(0, 4), st.integers(1, 20), aligns)
def test_split_covers_the_core_of_the_tile(size: int, halo_units: int, core_units: int, align: int) -> None:
    halo, core = halo_units * align, core_units * align
    parts = spans(size, even_extent(size, core + 2 * halo, halo, align), halo, align)
    narrow = Span(0, 1, 0, 1)
    for part in parts:
        try:
            halves = split(Tile(part, narrow), halo, align)
        except ValueError:
            assert part.stop - part.start <= 2 * halo + align
            continue
        rows = tuple(half.rows for half in halves)
        require_sound(rows, part.core_start, part.core_stop, part.start, part.stop, halo, align)
        assert max(row.stop - row.start for row in rows) < part.stop - part.start


def test_tiles_are_even() -> None:
    assert even_extent(1200, 1024, 0, 1) == 600
    assert [s.stop - s.start for s in spans(1200, 600, 0, 1)] == [600, 600]


def test_uniform_tiles_cost_no_more_than_tiles_cut_short_at_borders() -> None:
    size, halo = 1080, 16
    extent = even_extent(size, 256, halo, 1)
    count = len(spans(size, extent, halo, 1))
    assert count * extent <= size + 2 * halo * (count - 1) + count


def test_a_tile_without_core_is_refused() -> None:
    with pytest.raises(ValueError, match="no core"):
        spans(100, 32, 16, 1)
    with pytest.raises(ValueError, match="no core"):
        even_extent(100, 32, 16, 1)


def test_cut_out_mirrors_beyond_the_border() -> None:
    pixels = np.arange(6).reshape(2, 3, 1)
    tile = Tile(Span(1, 2, 1, 2), Span(1, 8, 1, 3))
    assert cut_out(pixels, tile)[:, :, 0].tolist() == [[4, 5, 5, 4, 3, 3, 4]]


def test_slices_and_round_up() -> None:
    assert list(slices(3, 10, 4)) == [(3, 7), (7, 10)]
    assert [round_up(value, 4) for value in (0, 1, 4, 5)] == [0, 4, 4, 8]

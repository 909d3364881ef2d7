"""Maps on backends without capacities: every region is its network's, borders fade, tiles fit together."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from slsc.runtime.adaptive.enlarging import enlarged
from slsc.runtime.adaptive.mixed_tiles import FADE, LEAST_HALO, MixedTiles, rectangles
from slsc.runtime.adaptive.regions import Regions
from slsc.runtime.tiles.tiling import Span, Tile, spans

SIDE, HW = 8, (40, 56)
RNG = np.random.default_rng(5)
IMAGE = RNG.random((1, 3, *HW)).astype(np.float32)
WHOLE = Tile(Span(0, HW[0], 0, HW[0]), Span(0, HW[1], 0, HW[1]))


class Plus:
    """A network that adds a number, and writes down what sizes it is shown."""

    def __init__(self, value: float, scale: int = 1) -> None:
        self.value, self.scale, self.shown = np.float32(value), scale, []

    def run(self, image: np.ndarray) -> np.ndarray:
        self.shown.append(image.shape[2:])
        return image.repeat(self.scale, 2).repeat(self.scale, 3) + self.value


def mixed(tiny: SimpleNamespace, choice: np.ndarray, scale: int = 1, halo: int = 1, align: int = 1) -> MixedTiles:
    io = tiny.manifest(scale=scale).io
    runners = (None, Plus(1, scale), Plus(2, scale))
    return MixedTiles(runners, (0.0, 0.1, 0.3), choice, Regions(*HW, (SIDE, SIDE)), io, halo, align)


def test_every_region_is_its_networks_away_from_borders(tiny: SimpleNamespace) -> None:
    choice = RNG.integers(0, 3, (5, 7)).astype(np.uint8)
    found = mixed(tiny, choice).run(IMAGE, WHOLE) - IMAGE
    wanted = choice.repeat(SIDE, 0).repeat(SIDE, 1)
    for top in range(0, HW[0], SIDE):
        for left in range(0, HW[1], SIDE):
            inner = (0, slice(None), slice(top + FADE, top + SIDE - FADE), slice(left + FADE, left + SIDE - FADE))
            assert np.allclose(found[inner], wanted[inner[2:]], atol=1e-5)
    assert found.min() > -1e-5 and found.max() < 2 + 1e-5, "a fade lies between the two"


@pytest.mark.parametrize(("scale", "halo", "align"), [(1, 0, 1), (2, 3, 2), (3, 5, 4)])
def test_tiles_fit_together_as_if_there_were_none(tiny: SimpleNamespace, scale: int, halo: int, align: int) -> None:
    choice = RNG.integers(0, 3, (5, 7)).astype(np.uint8)
    runner = mixed(tiny, choice, scale, halo, align)
    whole = runner.run(IMAGE, WHOLE)
    border = -(-max(halo, LEAST_HALO) // align) * align
    for rows in spans(HW[0], 24, border, align):
        for columns in spans(HW[1], 32, border, align):
            part = runner.run(IMAGE[:, :, rows.start : rows.stop, columns.start : columns.stop], Tile(rows, columns))
            core = (
                slice((rows.core_start - rows.start) * scale, (rows.core_stop - rows.start) * scale),
                slice((columns.core_start - columns.start) * scale, (columns.core_stop - columns.start) * scale),
            )
            expected = whole[
                :,
                :,
                rows.core_start * scale : rows.core_stop * scale,
                columns.core_start * scale : columns.core_stop * scale,
            ]
            assert np.allclose(part[:, :, core[0], core[1]], expected, atol=1e-5)


def test_one_choice_is_one_run_of_the_whole_tile(tiny: SimpleNamespace) -> None:
    runner = mixed(tiny, np.full((5, 7), 2, np.uint8))
    assert np.array_equal(runner.run(IMAGE, WHOLE), IMAGE + np.float32(2))
    assert runner.runners[2].shown == [HW] and not runner.runners[1].shown


def test_the_price_is_of_what_is_run(tiny: SimpleNamespace) -> None:
    choice = np.zeros((5, 7), np.uint8)
    choice[0, 0], choice[4, 6] = 2, 2
    runner = mixed(tiny, choice)
    runner.run(IMAGE, WHOLE)
    shown = runner.runners[2].shown
    assert len(shown) > 1, "two corners are two rectangles"
    assert runner.price(WHOLE) == pytest.approx(0.3 * sum(height * width for height, width in shown))
    assert runner.price(WHOLE) < 0.3 * HW[0] * HW[1] / 2


def test_sizes_are_multiples_of_what_networks_take(tiny: SimpleNamespace) -> None:
    runner = mixed(tiny, RNG.integers(0, 3, (5, 7)).astype(np.uint8), halo=3, align=4)
    runner.run(IMAGE, WHOLE)
    sizes = [size for network in runner.runners[1:] for size in network.shown]
    assert sizes and all(height % 4 == 0 and width % 4 == 0 for height, width in sizes)


def test_rectangles_cover_what_is_chosen_once() -> None:
    chosen = RNG.random((17, 23)) < 0.6
    seen = np.zeros(chosen.shape, int)
    for part in rectangles(chosen):
        seen[part.top : part.bottom, part.left : part.right] += 1
    assert np.array_equal(seen, chosen.astype(int))


def test_what_costs_nothing_is_in_the_range_of_the_networks_output(tiny: SimpleNamespace) -> None:
    io = tiny.manifest(scale=1).io
    twice = replace(io, output_range=replace(io.output_range, high=tuple(2 * high for high in io.output_range.high)))
    assert np.allclose(enlarged(IMAGE, io), IMAGE, atol=1e-6)
    assert np.allclose(enlarged(IMAGE, twice), 2 * IMAGE, atol=1e-6)
    flat = enlarged(np.full((1, 3, 6, 5), 0.5, np.float32), tiny.manifest(scale=3).io)
    assert flat.shape == (1, 3, 18, 15) and np.allclose(flat, 0.5, atol=1e-6)

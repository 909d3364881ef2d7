from __future__ import annotations

import pytest

from slsc.errors import ResourceError, UsageError
from slsc.runtime.memory import CORES, RunBytes, choose_core, default_limit, parse_bytes, resident_bytes, tile_costs

MIB = 1 << 20


@pytest.mark.parametrize(
    ("text", "size"),
    [("512MiB", 512 * MIB), ("512mib", 512 * MIB), ("1.5GB", 1_500_000_000), ("2G", 2 * 10**9), ("64 KiB", 65536),
     ("1000", 1000), ("10B", 10)],
)  # fmt: skip
def test_amounts(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "MiB", "-1", "1e9", "0", "0.1", "12XB", "1 2", "9" * 40, "nan", "\u0663"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(UsageError):
        parse_bytes(text)


def test_resident_grows_with_what_is_touched() -> None:
    before = resident_bytes()
    block = bytearray(b"x") * (64 * MIB)
    assert resident_bytes() - before > 50 * MIB
    del block


def test_default_leaves_room_to_work() -> None:
    assert default_limit(100 * MIB) > 110 * MIB


def per_pixel(count: int) -> RunBytes:
    return lambda height, width: count * height * width


def test_the_chosen_tile_fits_and_the_next_larger_does_not() -> None:
    costs = tile_costs(per_pixel(1800), batch_bytes=24, row_bytes=100_000, held=6 * MIB)
    hw, halo = (1080, 1920), 16
    for limit in range(150 * MIB, 3000 * MIB, 50 * MIB):
        core = choose_core(limit, 70 * MIB, costs, hw, halo, None)
        assert 70 * MIB + costs.of(core + 32, core + 32) <= limit
        larger = [other for other in CORES if other > core]
        if larger:
            assert 70 * MIB + costs.of(larger[-1] + 32, larger[-1] + 32) > limit


def test_the_user_s_tile_is_an_upper_bound() -> None:
    costs = tile_costs(per_pixel(1800), batch_bytes=24, row_bytes=0, held=0)
    assert choose_core(4000 * MIB, 0, costs, (999, 999), 16, 50) == 50
    assert choose_core(60 * MIB, 0, costs, (999, 999), 16, 500) < 500


def test_small_images_do_not_pay_for_large_tiles() -> None:
    costs = tile_costs(per_pixel(100_000), batch_bytes=0, row_bytes=0, held=0)
    assert choose_core(60 * MIB, 0, costs, (9, 9), 16, None) == CORES[0]


def test_no_room_names_what_would_do() -> None:
    costs = tile_costs(per_pixel(100_000), batch_bytes=0, row_bytes=0, held=0)
    with pytest.raises(ResourceError, match=r"use --memory (\d+)MiB") as caught:
        choose_core(10 * MIB, 5 * MIB, costs, (999, 999), 16, None)
    least = parse_bytes(str(caught.value.hint).split()[2])
    assert choose_core(least, 5 * MIB, costs, (999, 999), 16, None) == CORES[-1]

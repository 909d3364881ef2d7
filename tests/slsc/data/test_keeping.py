from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest

from slsc.data.keeping import kept, opened
from slsc.data.patches import Pair
from slsc.errors import DataError, ResourceError


def _pairs(count: int) -> list[Pair]:
    rng = np.random.default_rng(0)
    sides = [(4 + index, 6) for index in range(count)]
    return [(rng.integers(0, 256, (*s, 3), np.uint8), rng.integers(0, 256, (*s, 3), np.uint8)) for s in sides]


@pytest.mark.parametrize("memory", [0, 500, 1 << 20])
def test_pairs_are_the_same_wherever_they_lie(memory: int) -> None:
    pairs = _pairs(5)
    for found, wanted in zip(kept(iter(pairs), memory), pairs, strict=True):
        for image, original in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(image, original)


def test_beyond_the_bound_pairs_are_mapped_and_leave_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    pairs = _pairs(3)
    held = kept(pairs, pairs[0][0].nbytes * 2)
    assert held[0][0] is pairs[0][0]
    assert not any(np.shares_memory(held[1][0], image) for image in pairs[1]) and not held[1][0].flags.writeable
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: Path("/dev/full").open("r+b"))  # noqa: SIM115
    with pytest.raises(ResourceError, match=r"No space left.*TMPDIR"):
        kept(_pairs(2), 0)


def test_sources_are_opened_in_their_order_and_the_first_error_ends_it() -> None:
    pairs, told = _pairs(9), []
    assert [pair[0].shape for pair in opened(range(9), pairs.__getitem__, lambda: told.append(1))] == [
        pair[0].shape for pair in pairs
    ]
    assert len(told) == 9

    def failing(index: int) -> Pair:
        raise DataError("broken", where=str(index))

    with pytest.raises(DataError, match="0: broken"):
        opened(range(9), failing, lambda: None)

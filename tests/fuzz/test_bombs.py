"""Small files that ask for much are refused by name, before anything is spent on them."""

from __future__ import annotations

import pytest

pytest.importorskip("onnx")

from fuzzing.bombs import BOMBS
from fuzzing.campaign import outcome
from fuzzing.seeds import bundle_of

HARMLESS = (
    *("a pool in padding", "a convolution in padding", "a convolution between holes"),
    *("nested branches", "2^14 branches"),
)
"""What only the reader that is not used any more for such constants takes much for; branches that are not taken."""

MOST_BYTES = 500 << 20


@pytest.mark.parametrize("name", BOMBS)
def test_a_network_that_asks_for_much(name, tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(BOMBS[name]().SerializeToString())
    found = outcome(["inspect", str(path)], tmp_path)
    assert found.good and found.bytes < MOST_BYTES
    assert found.code == (0 if name in HARMLESS else 2), found


@pytest.mark.parametrize("name", ["a constant of 2^27", "an image expanded", "an expression", "a weight in segments"])
def test_an_engine_that_asks_for_much_is_not_run_to_be_checked(name, tmp_path):
    path = tmp_path / "net.slsb"
    path.write_bytes(bundle_of(BOMBS[name]().SerializeToString()))
    found = outcome(["check", str(path)], tmp_path)
    assert found.good and found.code == 1 and found.bytes < MOST_BYTES, found

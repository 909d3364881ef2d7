"""What of a tensor decides how it is quantized."""

from __future__ import annotations

import pytest
import torch

from slsc.quantize.quantizers import WINDOW_SIDE, WINDOWS, windows


def test_every_input_is_looked_at() -> None:
    x = torch.arange(40.0).reshape(40, 1, 1, 1).expand(-1, 2, 48, 48)
    found = windows(x)
    assert found.shape == (WINDOWS, 2, WINDOW_SIDE, WINDOW_SIDE)
    assert set(found.unique().tolist()) == set(range(40))


def test_one_input_is_looked_at_in_many_places() -> None:
    x = torch.arange(300 * 200.0).reshape(1, 1, 300, 200)
    assert len(windows(x).unique()) > WINDOWS * WINDOW_SIDE**2 / 2


@pytest.mark.parametrize("hw", [(5, 40), (16, 16), (1, 1)])
def test_a_tensor_smaller_than_a_window_is_taken_whole(hw: tuple[int, int]) -> None:
    x = torch.randn(3, 2, *hw)
    found = windows(x)
    assert found.shape[2:] == (min(hw[0], WINDOW_SIDE), min(hw[1], WINDOW_SIDE))
    assert torch.equal(found[0, :, :, 0], x[0, :, : found.shape[2], 0])

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from slsc.errors import DataError
from slsc.runtime.bundle.value_range import ValueRange
from slsc.search.inputs import PatchSource


def test_range_order_and_luma(pairs, io) -> None:
    plain, truth = PatchSource(pairs, io).draw(3, 24, (5,))
    assert plain.shape == (3, 3, 24, 24) and truth.shape == (3, 3, 48, 48)
    assert plain.min() >= 0 and plain.max() <= 1
    turned = replace(io, input_range=ValueRange.uniform(-1, 1), order="BGR")
    shifted, wanted = PatchSource(pairs, turned).draw(3, 24, (5,))
    torch.testing.assert_close(shifted, plain.flip(1) * 2 - 1)
    torch.testing.assert_close(wanted, truth.flip(1))
    grey, _ = PatchSource(pairs, replace(io, channels=1, order="Y")).draw(3, 24, (5,))
    weights = torch.tensor([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1)
    torch.testing.assert_close(grey, (plain * weights).sum(1, keepdim=True))


def test_sides_fit_network_and_photos(pairs, io) -> None:
    assert PatchSource(pairs, io).side(1000) == 80
    assert PatchSource(pairs, replace(io, multiple_of=(32, 16))).side(1000) == 64
    fixed = PatchSource(pairs, replace(io, fixed_hw=(30, 40)))
    assert fixed.draw(2, fixed.side(64), (0,))[0].shape == (2, 3, 30, 40)


def test_photos_that_are_too_small_are_refused(pairs, io) -> None:
    tiny = [(np.zeros((8, 8, 3), np.uint8), np.zeros((16, 16, 3), np.uint8))]
    with pytest.raises(DataError, match="16 pixels, the network needs 32"):
        PatchSource(tiny, io)


def test_photos_smaller_than_the_one_size_are_mirrored_on(pairs, io) -> None:
    inputs, outputs = PatchSource(pairs, replace(io, fixed_hw=(200, 120))).draw(1, 200, (0,))
    assert inputs.shape == (1, 3, 200, 120) and outputs.shape == (1, 3, 200 * io.scale, 120 * io.scale)

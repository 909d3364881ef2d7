from __future__ import annotations

import numpy as np
import pytest

from slsc.runtime.bundle.value_range import UNIT, ValueRange


def test_a_mean_and_a_deviation_are_a_range() -> None:
    values = ValueRange.normalised((0.5, 0.25), (0.5, 0.1))
    assert values.low == (-1.0, -2.5) and values.high == pytest.approx((1.0, 7.5))
    assert values.span == pytest.approx((2.0, 10.0)) and values.mean_span == pytest.approx(6.0)


def test_there_and_back() -> None:
    values = ValueRange((0.0, -2.0, 5.0), (255.0, 2.0, 6.0))
    pixels = np.random.default_rng(0).random((1, 3, 4, 5), np.float32)
    there = values.from_unit(pixels)
    assert there.dtype == np.float32
    assert np.allclose(there[0, 1], pixels[0, 1] * 4 - 2)
    assert np.allclose(values.to_unit(there), pixels, atol=1e-6)


def test_every_channel_has_its_black_and_span() -> None:
    assert UNIT.planes(3) == ((0.0, 1.0),) * 3
    assert ValueRange((0.0, 1.0), (2.0, 4.0)).planes(2) == ((0.0, 2.0), (1.0, 3.0))


def test_words() -> None:
    assert str(ValueRange.uniform(-0.5, 0.5)) == "-0.5..0.5"
    assert str(ValueRange((0.0, 1.0), (255.0, 2.0))) == "0..255, 1..2"

"""Faster, slower, or nothing one should believe."""

from __future__ import annotations

import numpy as np
import pytest

from slsc.jobs.profile.comparison import compare


def test_twice_as_fast() -> None:
    found = compare([1.0, 1.1, 0.9], [2.0, 2.2, 1.8])
    assert found.ratio == pytest.approx(2)
    assert found.in_words() == "2.00 x as fast"
    assert compare([2.0, 2.2, 1.8], [1.0, 1.1, 0.9]).in_words() == "2.00 x as slow"


@pytest.mark.parametrize("gain", [0.0, 0.02, -0.02])
def test_what_builds_differ_by_is_nothing(gain: float) -> None:
    """Every round agrees, and still no gain below 3 % is believed."""
    one = np.linspace(1, 1.2, 20)
    assert compare(one, (1 + gain) * one).in_words() == "no difference"


def test_noise_is_no_difference() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.uniform(1, 2, (2, 50))
    assert compare(one, 1.1 * other).in_words() == "no difference"


def test_load_that_falls_on_both_hides_nothing() -> None:
    load = np.random.default_rng(0).uniform(1, 5, 30)
    assert compare(load, 1.2 * load).differs

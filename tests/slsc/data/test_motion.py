from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from slsc.data.motion import MOMENTS, blur, kernel, open_blurred, trajectory
from slsc.errors import DataError


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(1, 40))
def test_a_trajectory_has_its_length_and_its_middle_at_the_origin(seed: int, length: float) -> None:
    points = trajectory(np.random.default_rng(seed), length)
    assert points[MOMENTS // 2] == 0
    assert np.abs(np.diff(points)).sum() == pytest.approx(length)


def test_trajectories_differ_and_bend() -> None:
    ends = [trajectory(np.random.default_rng(seed), 30.0)[[0, -1]] for seed in range(20)]
    spans = [abs(last - first) for first, last in ends]
    assert len(set(spans)) == 20 and min(spans) < 25


@settings(max_examples=20, deadline=None)
@given(st.lists(st.complex_numbers(max_magnitude=9), min_size=1, max_size=20))
def test_a_kernel_keeps_brightness_and_the_centre_of_its_points(points: list[complex]) -> None:
    weights = kernel(np.array(points, np.complex128))
    assert weights.shape[0] == weights.shape[1] and weights.shape[0] % 2 == 1
    assert weights.sum() == pytest.approx(1, abs=1e-5) and weights.min() >= 0
    places = np.arange(len(weights)) - len(weights) // 2
    assert weights.sum(0) @ places == pytest.approx(np.mean(points).real, abs=1e-3)
    assert weights.sum(1) @ places == pytest.approx(np.mean(points).imag, abs=1e-3)


def test_light_is_averaged_in_linear_values_and_moves_along_the_trajectory() -> None:
    point = np.zeros((9, 9, 3), np.uint8)
    point[4, 4] = 255
    blurred = blur(point, kernel(np.array([0, 2], np.complex128)))
    assert blurred[4, 4, 0] == blurred[4, 6, 0] == round(255 * 0.5 ** (1 / 2.2))
    assert np.count_nonzero(blurred[..., 0]) == 2
    even = np.full((9, 9, 3), 77, np.uint8)
    np.testing.assert_array_equal(blur(even, kernel(np.array([0, 2 + 1j]))), even)


def test_pairs_repeat_with_their_seed(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)).save(path)
    (blurred, sharp), again, other = (open_blurred(path, seed, 40) for seed in ((0, 1), (0, 1), (0, 2)))
    np.testing.assert_array_equal(blurred, again[0])
    assert not np.array_equal(blurred, other[0]) and not np.array_equal(blurred, sharp)
    with pytest.raises(DataError, match=r"a\.png.*smallest side is 40 pixels, a patch takes 41"):
        open_blurred(path, (0,), 41)

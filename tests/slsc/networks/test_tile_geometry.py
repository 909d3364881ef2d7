"""The measured halo: against filters whose reach is known."""

from __future__ import annotations

import numpy as np
import pytest

from slsc.networks.tile_geometry import far_influence, least_align, smallest_fixed_halo, smallest_halo
from slsc.runtime.bundle.manifest import TILE_BOUND

IMAGE = np.random.default_rng(0).random((1, 1, 80, 96), np.float32)


def blur(reach: int, far: float = 1.0):
    """Adds `far` times the pixels `reach` away, zeros beyond the border; doubled in size."""

    def network(image: np.ndarray) -> np.ndarray:
        padded = np.pad(image, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
        height, width = image.shape[2:]
        total = image + far * (padded[:, :, :height, :width] + padded[:, :, 2 * reach :, 2 * reach :])
        return total.repeat(2, axis=2).repeat(2, axis=3)

    return network


@pytest.mark.parametrize(("reach", "align", "halo"), [(5, 1, 5), (5, 2, 6), (5, 4, 8), (0, 1, 0)])
def test_the_halo_covers_the_reach_and_no_more(reach, align, halo):
    assert smallest_halo([blur(reach)], [IMAGE], align, reach) == (halo, 0.0)


def test_what_is_too_faint_to_show_needs_no_halo():
    halo, bound = smallest_halo([blur(20, far=TILE_BOUND / 4)], [IMAGE], 1, 20)
    assert halo == 0 and 0 < bound <= TILE_BOUND


def test_the_worst_network_counts_in_units_of_the_range():
    assert smallest_halo([blur(3), blur(9)], [IMAGE / 1000], 1, 9)[0] == 0
    assert smallest_halo([blur(3), blur(9)], [IMAGE], 1, 9) == (9, 0.0)


def test_an_unbounded_field_gets_the_largest_halo_and_says_what_remains():
    def know_the_size(image: np.ndarray) -> np.ndarray:
        return image + image.shape[2] / 200

    image = np.zeros((1, 1, 200, 200), np.float32)
    halo, bound = smallest_halo([know_the_size], [image], 1, None)
    assert halo == 64 and bound > TILE_BOUND


def windowed(side: int):
    """Means of windows of `side` pixels, of images of any size, which it continues by their last pixels."""

    def network(image: np.ndarray) -> np.ndarray:
        height, width = image.shape[2:]
        padded = np.pad(image, ((0, 0), (0, 0), (0, -height % side), (0, -width % side)), mode="edge")
        means = padded.reshape(1, 1, padded.shape[2] // side, side, -1, side).mean((3, 5))
        return means.repeat(side, axis=2).repeat(side, axis=3)[:, :, :height, :width]

    return network


def test_tiles_begin_with_the_windows_of_networks_that_pad_by_themselves():
    image = np.random.default_rng(0).random((1, 1, 192, 192), np.float32)
    assert smallest_halo([windowed(8)], [image], 1, None)[1] > TILE_BOUND
    assert least_align([windowed(8)], [image], 1) == 8
    assert smallest_halo([windowed(8)], [image], 8, None)[1] <= TILE_BOUND
    assert least_align([windowed(8), windowed(6)], [image], 2) == 2  # 24, no power of two, is not tried


def test_networks_without_windows_begin_anywhere():
    image = np.random.default_rng(0).random((1, 1, 192, 192), np.float32)
    assert least_align([blur(5)], [image], 1) == 1
    assert least_align([blur(5)], [image], 6) == 6


def test_a_network_of_one_size_is_measured_between_windows():
    image = np.random.default_rng(0).random((1, 1, 96, 120), np.float32)
    assert smallest_fixed_halo([blur(5)], [image], (64, 80)) == (5, 0.0)
    halo, bound = smallest_fixed_halo([blur(20)], [image], (64, 80))
    assert halo == 8 and bound > TILE_BOUND


ENDS = (np.zeros((1, 1, 1, 1), np.float32), np.ones((1, 1, 1, 1), np.float32))


@pytest.mark.parametrize("statistic", [np.min, np.max, np.mean])
def test_what_is_taken_from_the_whole_shows_beside_black_or_white(statistic):
    middling = 0.25 + np.random.default_rng(0).random((1, 1, 192, 192), np.float32) / 2
    network = lambda image: (image - statistic(image)).repeat(2, axis=2).repeat(2, axis=3)  # noqa: E731
    assert far_influence([blur(5), network], [middling], ENDS) > 0.1


def test_what_is_near_is_no_far_influence():
    image = np.random.default_rng(0).random((1, 1, 192, 192), np.float32)
    assert far_influence([blur(40)], [image], ENDS) == 0

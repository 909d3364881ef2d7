"""What is transparent takes the colour of what is beside it; nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

from slsc.runtime.image.transparency import REACH, STRIP_ROWS, bleed


def test_colour_spreads_evenly_and_stops() -> None:
    pixels, alpha = np.zeros((1, 60, 3), np.uint8), np.zeros((1, 60), np.uint8)
    pixels[0, 20], alpha[0, 20] = (9, 8, 7), 1
    pixels[0, 30], alpha[0, 30] = (1, 2, 3), 255
    bleed(pixels, alpha)
    assert np.flatnonzero((pixels[0] == (9, 8, 7)).all(axis=1)).tolist() == list(range(20 - REACH, 26))
    assert np.flatnonzero((pixels[0] == (1, 2, 3)).all(axis=1)).tolist() == list(range(26, 30 + REACH + 1))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_pixel_takes_the_colour_of_a_nearest_one(dtype: type, channels: int) -> None:
    """Over more than one strip, by distance along rows and columns."""
    rng = np.random.default_rng(5)
    height, width = 2 * STRIP_ROWS + 9, 40
    given = rng.integers(1, 200, (height, width, channels)).astype(dtype)
    alpha = (rng.random((height, width)) < 0.01).astype(dtype)
    pixels = given.copy()
    bleed(pixels, alpha)
    sources = np.argwhere(alpha > 0)
    assert np.array_equal(pixels[alpha > 0], given[alpha > 0])
    for row, column in np.argwhere(alpha == 0):
        distance = np.abs(sources - (row, column)).sum(axis=1)
        near = sources[distance == distance.min()]
        if distance.min() > REACH:
            assert np.array_equal(pixels[row, column], given[row, column])
        else:
            assert (pixels[row, column] == given[near[:, 0], near[:, 1]]).all(axis=1).any()


@pytest.mark.parametrize("alpha", [0, 7])
def test_what_is_all_visible_or_all_transparent_stays(alpha: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (5, 6, 3), np.uint8)
    given = pixels.copy()
    bleed(pixels, np.full((5, 6), alpha, np.uint8))
    assert np.array_equal(pixels, given)

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio

from slsc.data.degradations import bicubic_pair
from slsc.data.images import list_images, open_rgb
from slsc.metrics.psnr import luma, psnr, psnr_to, psnr_y
from slsc.runtime.image.resample import imresize


def _noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_the_formula() -> None:
    assert psnr(1.0, 100.0) == pytest.approx(40)
    assert psnr(0.0, 0.0) == math.inf
    assert psnr(1.0, 0.0) == psnr(math.nan, 1.0) == psnr(math.inf, 1.0) == -math.inf


def test_outputs_are_compared_over_the_range_of_the_reference() -> None:
    reference = np.linspace(-5, 5, 100, dtype=np.float32).reshape(1, 1, 10, 10)
    assert psnr_to(reference, reference + 0.1) == pytest.approx(40, abs=1e-3)
    assert psnr_to(reference, reference) == math.inf
    for wrong in (reference[:, :, 1:], np.full_like(reference, np.nan), np.full_like(reference, np.inf)):
        assert psnr_to(reference, wrong) == -math.inf
    assert psnr_to(np.zeros(3), np.ones(3)) == -math.inf


def test_luma_of_black_white_and_primaries() -> None:
    colours = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    np.testing.assert_allclose(luma(colours), [[16, 235, 81.481, 144.553, 40.966]])


def test_grey_is_read_as_rgb_with_equal_channels() -> None:
    grey = _noise(0, 6, 7)
    rgb = np.repeat(grey[..., None], 3, 2)
    np.testing.assert_allclose(luma(grey), luma(rgb))
    np.testing.assert_allclose(luma(grey[..., None]), luma(rgb))


def test_a_known_error_gives_a_known_psnr() -> None:
    reference = np.full((20, 20, 3), 100, np.uint8)
    restored = reference + np.uint8(10)
    expected = 20 * math.log10(255 / (10 * 219 / 255))
    assert psnr_y(restored, reference, 4) == pytest.approx(expected)


@given(st.integers(0, 4), st.integers(0, 1000))
def test_agrees_with_scikit_image_inside_the_border(border: int, seed: int) -> None:
    first, second = _noise(seed, 12, 15, 3), _noise(seed + 1, 12, 15, 3)
    inside = slice(border, 12 - border), slice(border, 15 - border)
    expected = peak_signal_noise_ratio(luma(second)[inside], luma(first)[inside], data_range=255)
    assert psnr_y(first, second, border) == pytest.approx(expected)


def test_the_border_does_not_count() -> None:
    reference, restored = _noise(0, 20, 20, 3), _noise(0, 20, 20, 3)
    restored[:4] ^= 255
    restored[:, -4:] ^= 255
    assert psnr_y(restored, reference, 4) == math.inf
    assert psnr_y(restored, reference, 3) < 60


@pytest.mark.parametrize(("shape", "border"), [((8, 9, 3), 0), ((8, 8, 3), 4), ((8, 8, 3), -1)])
def test_unusable_sizes_are_refused(shape: tuple[int, ...], border: int) -> None:
    with pytest.raises(ValueError, match=r"sizes differ|inside a border"):
        psnr_y(_noise(0, *shape), _noise(0, 8, 8, 3), border)


@pytest.mark.parametrize(("folder", "expected"), [("Set5", 28.43), ("Set14", 26.09)])
def test_bicubic_x4_reaches_the_published_figures(data_dir: Path, folder: str, expected: float) -> None:
    scores = []
    for path in list_images(data_dir / "eval" / folder):
        lr, hr = bicubic_pair(open_rgb(path), 4)
        scores.append(psnr_y(imresize(lr, hr.shape[:2], round_passes=True), hr, 4))
    assert np.mean(scores) == pytest.approx(expected, abs=0.01)

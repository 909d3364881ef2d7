"""Which figure belongs to which task, and the figures over all channels."""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio
from torch import nn

from slsc.data.calibration import calibration_photos
from slsc.metrics.lpips import lpips_distance, network_input, require_comparable
from slsc.metrics.protocol import Protocol, protocol_for
from slsc.metrics.psnr import psnr_all
from slsc.metrics.ssim import ssim_all
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.bundle.value_range import UNIT


def _noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize(
    ("channels", "order", "scale", "expected", "name"),
    [
        (3, "RGB", 4, Protocol("y", 4), "psnr_y"),
        (1, "Y", 3, Protocol("y", 3), "psnr_y"),
        (3, "BGR", 1, Protocol("rgb", 0), "psnr_rgb"),
        (1, "Y", 1, Protocol("grey", 0), "psnr_grey"),
    ],
)
def test_the_task_chooses(channels: int, order: str, scale: int, expected: Protocol, name: str) -> None:
    task = "sr" if scale > 1 else "restore"
    found = protocol_for(ImageIO(channels, order, UNIT, UNIT, "x", "y", scale, task))
    assert (found, found.psnr_name) == (expected, name)


@given(st.sampled_from((1, 3)), st.integers(0, 1000))
def test_psnr_over_all_channels_agrees_with_scikit_image(channels: int, seed: int) -> None:
    first, second = _noise(seed, 12, 15, channels), _noise(seed + 1, 12, 15, channels)
    assert psnr_all(first, second) == pytest.approx(peak_signal_noise_ratio(second, first, data_range=255))
    assert psnr_all(first, first) == math.inf


def test_luma_misses_a_change_of_colour_and_rgb_does_not() -> None:
    grey = np.full((20, 20, 3), 100, np.uint8)
    tinted = grey + np.array([20, -10, -1]).astype(np.uint8)
    assert Protocol("y", 0).psnr(tinted, grey) > 50 > 26 > Protocol("rgb", 0).psnr(tinted, grey)


def test_only_luma_leaves_a_border_out() -> None:
    reference, restored = _noise(0, 30, 30, 3), _noise(0, 30, 30, 3)
    restored[:4] ^= 255
    assert Protocol("y", 4).psnr(restored, reference) == math.inf
    assert Protocol("y", 4).ssim(restored, reference) == pytest.approx(1)
    assert Protocol("rgb", 0).psnr(restored, reference) < 20
    assert Protocol("rgb", 0).ssim(restored, reference) < 0.99


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_ssim_is_the_mean_over_channels(seed: int) -> None:
    first, second = _noise(seed, 16, 20, 3), _noise(seed + 1, 16, 20, 3)
    each = [ssim_all(first[:, :, c, None], second[:, :, c, None]) for c in range(3)]
    assert ssim_all(first, second) == pytest.approx(np.mean(each))


@pytest.mark.parametrize("protocol", [Protocol("y", 2), Protocol("rgb", 0)])
def test_unequal_sizes_are_refused(protocol: Protocol) -> None:
    for measure in (protocol.psnr, protocol.ssim):
        with pytest.raises(ValueError, match="21x20 restored, 20x20 reference"):
            measure(_noise(0, 20, 21, 3), _noise(0, 20, 20, 3))


def test_lpips_is_shown_rgb_from_minus_one_to_one() -> None:
    colours = np.array([[[0, 255, 51]]], np.uint8)
    np.testing.assert_allclose(network_input(colours).ravel(), [-1, 1, -0.6], atol=1e-6)
    grey = network_input(_noise(0, 5, 6, 1))
    assert (grey.shape, grey.dtype) == ((1, 3, 5, 6), np.float32)
    np.testing.assert_array_equal(grey[:, 0], grey[:, 2])


def test_lpips_refuses_what_its_network_cannot_see() -> None:
    """The convolution and the two poolings that AlexNet begins with, in torch: 31 pixels are the fewest they take."""
    trunk = nn.Sequential(nn.Conv2d(3, 1, 11, 4, 2), nn.MaxPool2d(3, 2), nn.MaxPool2d(3, 2))
    assert trunk(torch.zeros(1, 3, 31, 31)).shape[2:] == (1, 1)
    require_comparable(_noise(0, 31, 40, 3), _noise(0, 31, 40, 3))
    with pytest.raises(RuntimeError):
        trunk(torch.zeros(1, 3, 30, 31))
    with pytest.raises(ValueError, match="31 pixels along each side, 30"):
        require_comparable(_noise(0, 30, 31, 3), _noise(0, 30, 31, 3))
    with pytest.raises(ValueError, match="sizes differ"):
        require_comparable(_noise(0, 40, 31, 3), _noise(0, 40, 32, 3))


@pytest.mark.skipif(importlib.util.find_spec("lpips") is None, reason="lpips is not installed")
def test_lpips_tells_worse_from_better() -> None:
    distance = lpips_distance()
    (photo,) = calibration_photos(None, 1, 0)
    photo = photo[:128, :128]
    rng = np.random.default_rng(0)
    scores = [
        distance((photo + rng.normal(0, sigma, photo.shape)).clip(0, 255).astype(np.uint8), photo)
        for sigma in (0, 10, 50)
    ]
    assert scores[0] == pytest.approx(0, abs=1e-6)
    assert scores[0] < scores[1] < scores[2]

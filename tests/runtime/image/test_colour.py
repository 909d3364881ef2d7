from __future__ import annotations

import cv2
import numpy as np

from slsc.runtime.image.colour import luma, with_luma


def sample() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (16, 16, 3), np.uint8)


def test_luma_is_that_of_jpeg() -> None:
    reference = cv2.cvtColor(sample(), cv2.COLOR_RGB2YCrCb)[:, :, 0]
    assert np.abs(luma(sample())[:, :, 0] - reference).max() <= 0.51


def test_luma_of_grey_is_the_grey() -> None:
    grey = np.repeat(np.linspace(0, 1, 9, dtype=np.float32)[:, None, None], 3, axis=2)
    assert np.allclose(luma(grey), grey[:, :, :1], atol=1e-6)


def test_replacing_luma_keeps_chroma() -> None:
    rgb = sample().astype(np.float64) / 255
    y = np.random.default_rng(6).random((16, 16, 1))
    changed = with_luma(rgb, y)
    assert np.allclose(luma(changed), y)
    assert np.allclose(changed - luma(changed), rgb - luma(rgb))

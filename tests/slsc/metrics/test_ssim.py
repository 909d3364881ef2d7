from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from slsc.data.calibration import calibration_photos
from slsc.data.degradations import bicubic_pair
from slsc.data.images import list_images, open_rgb
from slsc.errors import BackendError
from slsc.metrics.lpips import lpips_distance
from slsc.metrics.ssim import ssim_y
from slsc.runtime.image.resample import imresize


def test_equal_images_score_one_and_worse_ones_less() -> None:
    (photo,) = calibration_photos(None, 1, 0)
    rng = np.random.default_rng(0)
    scores = [
        ssim_y((photo + rng.normal(0, sigma, photo.shape)).clip(0, 255).astype(np.uint8), photo, 4)
        for sigma in (5, 15, 45)
    ]
    assert ssim_y(photo, photo, 4) == pytest.approx(1)
    assert 1 > scores[0] > scores[1] > scores[2] > 0


def test_too_small_an_inside_is_refused() -> None:
    image = np.zeros((18, 30, 3), np.uint8)
    with pytest.raises(ValueError, match="11 pixels"):
        ssim_y(image, image, 4)


def test_bicubic_x4_reaches_the_published_figure_on_set5(data_dir: Path) -> None:
    scores = []
    for path in list_images(data_dir / "eval" / "Set5"):
        lr, hr = bicubic_pair(open_rgb(path), 4)
        scores.append(ssim_y(imresize(lr, hr.shape[:2], round_passes=True), hr, 4))
    assert np.mean(scores) == pytest.approx(0.8104, abs=0.001)


@pytest.mark.skipif(importlib.util.find_spec("lpips") is not None, reason="lpips is installed")
def test_lpips_says_what_to_install() -> None:
    with pytest.raises(BackendError, match=r"pip install 'slsc\[lpips\]'") as caught:
        lpips_distance()
    assert caught.value.exit_code == 4

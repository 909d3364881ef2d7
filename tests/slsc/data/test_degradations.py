"""Degradations keep size and range, are the same every time, and lose something."""

from __future__ import annotations

import numpy as np
import pytest

from slsc.data.calibration import calibration_photos
from slsc.data.degradations import DEGRADATIONS, benchmark_noise, degrade
from slsc.metrics.psnr import psnr_all


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", DEGRADATIONS)
def test_a_degraded_photo_is_a_worse_photo_of_the_same_size(name: str, channels: int) -> None:
    photo = calibration_photos(None, 1, 0)[0][:61, :47, :channels]
    spoilt = degrade(photo, name)
    assert spoilt.shape == photo.shape and spoilt.dtype == np.uint8
    assert 15 < psnr_all(spoilt, photo) < 45
    np.testing.assert_array_equal(spoilt, degrade(photo, name))


def test_benchmark_noise_is_that_of_the_literature() -> None:
    """The first values of numpy's legacy generator at seed 0."""
    np.testing.assert_allclose(benchmark_noise((1, 2), 25.0), [[44.101309, 10.003930]], rtol=1e-6)

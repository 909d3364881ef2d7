"""Degradations keep size and range, are the same every time, and lose something."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from slsc.data.calibration import calibration_photos
from slsc.data.degradations import DEGRADATIONS, benchmark_noise, bicubic_pair, crop_to_multiple, degrade, open_reduced
from slsc.data.images import open_rgb
from slsc.errors import DataError
from slsc.metrics.psnr import psnr_all


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", DEGRADATIONS)
def test_a_degraded_photo_is_a_worse_photo_of_the_same_size(name: str, channels: int) -> None:
    photo = calibration_photos(None, 1, 0)[0][:61, :47, :channels]
    spoilt = degrade(photo, name)
    assert spoilt.shape == photo.shape and spoilt.dtype == np.uint8
    assert 6 < psnr_all(spoilt, photo) < 45
    np.testing.assert_array_equal(spoilt, degrade(photo, name))


def test_benchmark_noise_is_that_of_the_literature() -> None:
    """The first values of numpy's legacy generator at seed 0."""
    np.testing.assert_allclose(benchmark_noise((1, 2), 25.0), [[44.101309, 10.003930]], rtol=1e-6)


def test_an_image_is_cropped_and_shrunk(tmp_path: Path) -> None:
    Image.fromarray(np.full((13, 18, 3), 77, np.uint8)).save(tmp_path / "a.png")
    lr, hr = open_reduced(tmp_path / "a.png", 4, 3)
    assert (lr.shape, hr.shape) == ((3, 4, 3), (12, 16, 3))
    assert (lr == 77).all()


@pytest.mark.parametrize(("patch", "needed"), [(1, 4), (3, 12)])
def test_an_image_without_room_for_a_patch_is_named(tmp_path: Path, patch: int, needed: int) -> None:
    Image.fromarray(np.zeros((3, 18, 3), np.uint8)).save(tmp_path / "thin.png")
    with pytest.raises(DataError, match=rf"thin\.png.*smallest side is 3 pixels, a patch takes {needed}.*--patch"):
        open_reduced(tmp_path / "thin.png", 4, patch)


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 5))
def test_crop_to_multiple_takes_the_largest_top_left_part(height: int, width: int, multiple: int) -> None:
    image = np.arange(height * width, dtype=np.int64).astype(np.uint8).reshape(height, width)
    if min(height, width) < multiple:
        with pytest.raises(DataError):
            crop_to_multiple(image, multiple)
        return
    cropped = crop_to_multiple(image, multiple)
    assert all(
        side % multiple == 0 and 0 <= whole - side < multiple
        for side, whole in zip(cropped.shape, image.shape, strict=True)
    )
    np.testing.assert_array_equal(cropped, image[: cropped.shape[0], : cropped.shape[1]])


def test_bicubic_pair_equals_matlab(data_dir: Path) -> None:
    for made in sorted((data_dir / "eval" / "Set5_LR_x4_matlab").iterdir()):
        lr, _ = bicubic_pair(open_rgb(data_dir / "eval" / "Set5" / made.name), 4)
        np.testing.assert_array_equal(lr, open_rgb(made), err_msg=made.name)

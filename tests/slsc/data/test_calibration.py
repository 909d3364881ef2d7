from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from slsc.data.calibration import bundled_photos, calibration_patches, calibration_photos
from slsc.errors import DataError


def _folder(path: Path, count: int) -> Path:
    for index in range(count):
        Image.fromarray(np.full((8, 9, 3), index, np.uint8)).save(path / f"{index:02}.png")
    return path


def test_bundled_photos_need_no_download() -> None:
    photos = calibration_photos(None, 4, 0)
    assert len(photos) == 4
    for photo in photos:
        assert photo.dtype == np.uint8
        assert photo.ndim == 3
        assert photo.shape[2] == 3
        assert photo.std() > 10


def test_all_bundled_photos_open() -> None:
    assert len(calibration_photos(None, 100, 0)) == len(bundled_photos()) >= 4


def test_folder_draw_is_deterministic_and_without_repeats(tmp_path: Path) -> None:
    folder = _folder(tmp_path, 12)
    first = [int(photo[0, 0, 0]) for photo in calibration_photos(folder, 5, 3)]
    assert first == [int(photo[0, 0, 0]) for photo in calibration_photos(folder, 5, 3)]
    assert len(set(first)) == 5
    assert first != [int(photo[0, 0, 0]) for photo in calibration_photos(folder, 5, 4)]


def test_small_folder_gives_all(tmp_path: Path) -> None:
    assert len(calibration_photos(_folder(tmp_path, 3), 10, 0)) == 3


def test_unreadable_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DataError, match=r"broken\.png"):
        calibration_photos(tmp_path, 1, 0)


def test_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="limit"):
        calibration_photos(None, 0, 0)


def test_patches_are_crops_taken_in_turn() -> None:
    photos = [np.full((20, 30, 3), value, np.uint8) for value in (1, 2, 3)]
    patches = calibration_patches(photos, 7, 16, 0)
    assert patches.shape == (7, 16, 16, 3)
    assert patches.dtype == np.uint8
    assert patches[:, 0, 0, 0].tolist() == [1, 2, 3, 1, 2, 3, 1]


def test_patches_repeat_with_their_seed() -> None:
    photos = calibration_photos(None, 2, 0)
    np.testing.assert_array_equal(calibration_patches(photos, 4, 24, 9), calibration_patches(photos, 4, 24, 9))
    assert (calibration_patches(photos, 4, 24, 9) != calibration_patches(photos, 4, 24, 8)).any()


def test_photo_smaller_than_the_patch_is_mirrored() -> None:
    photo = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    (patch,) = calibration_patches([photo], 1, 16, 0)
    np.testing.assert_array_equal(patch[:5, :7], photo)
    np.testing.assert_array_equal(patch[5:10, :7], photo[::-1])

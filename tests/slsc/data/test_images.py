from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from slsc.data.images import list_images, open_rgb
from slsc.errors import DataError


def _save(path: Path, pixels: np.ndarray, **options: object) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


def _noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_lists_nested_images_sorted_and_leaves_out_the_rest(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / ".cache").mkdir()
    for name in ("z.png", "b/a.JPG", ".cache/thumb.png"):
        _save(tmp_path / name, _noise(4, 4, 3))
    (tmp_path / "notes.txt").write_text("no image")
    assert [path.relative_to(tmp_path).as_posix() for path in list_images(tmp_path)] == ["b/a.JPG", "z.png"]


def test_hidden_parent_of_the_folder_does_not_matter(tmp_path: Path) -> None:
    folder = tmp_path / ".hidden"
    folder.mkdir()
    _save(folder / "a.png", _noise(4, 4, 3))
    assert len(list_images(folder)) == 1


@pytest.mark.parametrize(
    ("name", "message"), [("missing", "no such folder"), ("file", "not a folder"), ("empty", "no image")]
)
def test_unusable_folder_is_named(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=message) as caught:
        list_images(tmp_path / name)
    assert caught.value.where == str(tmp_path / name)
    assert caught.value.exit_code == 2


def test_open_rgb_keeps_colour_pixels(tmp_path: Path) -> None:
    pixels = _noise(5, 6, 3)
    np.testing.assert_array_equal(open_rgb(_save(tmp_path / "a.png", pixels)), pixels)


def test_open_rgb_repeats_grey(tmp_path: Path) -> None:
    pixels = _noise(5, 6)
    np.testing.assert_array_equal(open_rgb(_save(tmp_path / "a.png", pixels)), np.repeat(pixels[..., None], 3, 2))


def test_open_rgb_drops_alpha(tmp_path: Path) -> None:
    pixels = _noise(5, 6, 4)
    np.testing.assert_array_equal(open_rgb(_save(tmp_path / "a.png", pixels)), pixels[..., :3])


def test_open_rgb_rounds_16_bit_grey(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 65536, (5, 6), dtype=np.uint16)
    expected = np.repeat(np.rint(pixels / 257).astype(np.uint8)[..., None], 3, 2)
    np.testing.assert_array_equal(open_rgb(_save(tmp_path / "a.png", pixels)), expected)


def test_open_rgb_applies_exif_orientation(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    pixels = _noise(4, 7, 3)
    opened = open_rgb(_save(tmp_path / "a.png", pixels, exif=exif))
    np.testing.assert_array_equal(opened, np.rot90(pixels, -1))


def test_truncated_image_is_named(tmp_path: Path) -> None:
    whole = _save(tmp_path / "a.png", _noise(64, 64, 3)).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"cut\.png"):
        open_rgb(tmp_path / "cut.png")

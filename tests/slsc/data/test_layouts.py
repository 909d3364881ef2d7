from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from slsc.data.layouts import find_pairs, known_pairs, open_pair
from slsc.errors import DataError


def _image(path: Path, height: int = 4, width: int = 6) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(path)
    return path


def _names(root: Path, pairs: list[tuple[Path, Path]] | None) -> list[tuple[str, str]]:
    assert pairs is not None
    return [(low.relative_to(root).as_posix(), high.relative_to(root).as_posix()) for low, high in pairs]


@pytest.mark.parametrize("degradation", ["bicubic", "unknown"])
def test_div2k(tmp_path: Path, degradation: str) -> None:
    for name in ("0002", "0001"):
        _image(tmp_path / "DIV2K_train_HR" / f"{name}.png")
        _image(tmp_path / f"DIV2K_train_LR_{degradation}" / "X4" / f"{name}x4.png")
    low = f"DIV2K_train_LR_{degradation}/X4"
    assert _names(tmp_path, known_pairs(tmp_path, 4)) == [
        (f"{low}/0001x4.png", "DIV2K_train_HR/0001.png"),
        (f"{low}/0002x4.png", "DIV2K_train_HR/0002.png"),
    ]
    with pytest.raises(DataError, match=r"no inputs for scale 2.*LR_bicubic/X2.*DIV2K_train_HR as --data"):
        known_pairs(tmp_path, 2)


@pytest.mark.parametrize(("below", "start"), [("", ""), ("", "train"), ("train/A", "train/A")])
def test_gopro_as_a_whole_a_split_or_a_sequence(tmp_path: Path, below: str, start: str) -> None:
    for sequence in ("train/A", "train/B", "test/C"):
        for kind in ("blur", "blur_gamma", "sharp"):
            _image(tmp_path / sequence / kind / "000001.png")
    wanted = [(f"train/{s}/blur_gamma/000001.png", f"train/{s}/sharp/000001.png") for s in "AB"]
    assert _names(tmp_path, find_pairs(tmp_path / start, 1)) == [pair for pair in wanted if pair[0].startswith(below)]


def test_gopro_without_gamma_takes_blur(tmp_path: Path) -> None:
    for kind in ("blur", "sharp"):
        _image(tmp_path / "S" / kind / "1.png")
    assert _names(tmp_path, known_pairs(tmp_path, 1)) == [("S/blur/1.png", "S/sharp/1.png")]


def test_reds(tmp_path: Path) -> None:
    for folder in ("train_blur", "train_sharp", "train_sharp_bicubic/X4"):
        _image(tmp_path / "train" / folder / "000" / "00000000.png")
    root = tmp_path / "train"
    for scale, low in ((1, "train_blur"), (4, "train_sharp_bicubic/X4")):
        found = [(f"{low}/000/00000000.png", "train_sharp/000/00000000.png")]
        assert _names(root, known_pairs(tmp_path, scale)) == found


def test_two_folders_of_the_same_names(tmp_path: Path) -> None:
    _image(tmp_path / "low" / "s" / "a.png"), _image(tmp_path / "high" / "s" / "a.jpg")
    _image(tmp_path / "low" / "bx2.png"), _image(tmp_path / "high" / "b.png")
    found = find_pairs((tmp_path / "low", tmp_path / "high"), 2)
    assert _names(tmp_path, found) == [("low/bx2.png", "high/b.png"), ("low/s/a.png", "high/s/a.jpg")]


@pytest.mark.parametrize(("lonely", "other"), [("low", "high"), ("high", "low")])
def test_an_image_without_partner_is_named(tmp_path: Path, lonely: str, other: str) -> None:
    _image(tmp_path / "low" / "a.png"), _image(tmp_path / "high" / "a.png")
    _image(tmp_path / lonely / "b.png")
    with pytest.raises(DataError, match=rf"{lonely}/b\.png: no image of the same name: looked in .*{other}"):
        find_pairs((tmp_path / "low", tmp_path / "high"), 1)


def test_a_folder_of_images_is_no_data_set(tmp_path: Path) -> None:
    _image(tmp_path / "more" / "a.png"), _image(tmp_path / "b.png")
    assert known_pairs(tmp_path, 4) is None and known_pairs(tmp_path, 1) is None
    with pytest.raises(DataError, match="not laid out as DIV2K, REDS or GOPRO"):
        find_pairs(tmp_path, 1)


def test_pairs_must_fit_the_scale_and_hold_a_patch(tmp_path: Path) -> None:
    low, high = _image(tmp_path / "low.png"), _image(tmp_path / "high.png", 8, 12)
    assert [image.shape for image in open_pair((low, high), 2, 4)] == [(4, 6, 3), (8, 12, 3)]
    with pytest.raises(DataError, match=r"low\.png.*partner is 12x8, x3 makes 18x12.*--scale"):
        open_pair((low, high), 3, 4)
    with pytest.raises(DataError, match=r"smallest side is 4 pixels, a patch takes 5.*--patch"):
        open_pair((low, high), 2, 5)

"""The photos of a compilation: how they are made into pairs, split and cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from slsc.errors import DataError
from slsc.jobs.compile.photos import SIDE, from_pairs, from_photos, photos
from slsc.metrics.psnr import psnr_y

RNG = np.random.default_rng(0)


def images(count: int, height: int = 64, width: int = 48) -> list[np.ndarray]:
    return [RNG.integers(0, 256, (height, width, 3), np.uint8) for _ in range(count)]


def write(folder: Path, *pictures: np.ndarray) -> Path:
    folder.mkdir()
    for index, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{index}.png")
    return folder


@pytest.mark.parametrize(("count", "held_out"), [(1, 1), (2, 1), (3, 1), (4, 1), (10, 2), (60, 8)])
def test_held_out_photos_are_not_searched_on_unless_there_is_one_only(count, held_out):
    data = from_photos(images(count), 2, ())
    assert len(data.held_out) == held_out
    if count > 1:
        assert len(data.search) + held_out == count
        assert not {id(wanted) for _, wanted in data.search} & {id(wanted) for _, wanted in data.held_out}


def test_an_upscaler_gets_reduced_photos_and_the_truth():
    data = from_photos(images(4), 4, ())
    given, wanted = data.search[0]
    assert (given.shape, wanted.shape) == ((16, 12, 3), (64, 48, 3))
    assert data.truth and not data.labelled


def test_a_restorer_gets_what_it_undoes():
    clean = from_photos([np.full((32, 32, 3), 128, np.uint8)] * 4, 1, ())
    noisy = from_photos([np.full((32, 32, 3), 128, np.uint8)] * 4, 1, ("noise of sigma 25",))
    assert np.array_equal(*clean.search[0]) and not clean.truth
    assert psnr_y(*noisy.search[0], 0) < 30 and noisy.truth


def test_photos_are_cut_around_their_middle(tmp_path):
    wide = np.zeros((40, SIDE + 100, 3), np.uint8)
    wide[:, 50:-50] = 255
    (cut,) = photos(write(tmp_path / "photos", wide), seed=0)
    assert cut.shape == (40, SIDE, 3) and cut.min() == 255


def test_pairs_are_aligned_and_labelled(tmp_path):
    small = images(2, 20, 24)
    low = write(tmp_path / "low", *small)
    high = write(tmp_path / "high", *(picture.repeat(2, 0).repeat(2, 1) for picture in small))
    data = from_pairs(low, high, 2)
    for given, wanted in (*data.search, *data.held_out):
        assert np.array_equal(wanted[::2, ::2], given)
    assert data.labelled and data.truth


def test_pairs_that_do_not_match_are_named(tmp_path):
    low, high = write(tmp_path / "low", *images(2)), write(tmp_path / "high", *images(1))
    with pytest.raises(DataError, match=r"1\.png: no image of the same name"):
        from_pairs(low, high, 1)
    with pytest.raises(DataError, match="x2 makes 96x128"):
        from_pairs(high, high, 2)

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from slsc.runtime.image.resample import imresize, imresize_region

SET5 = ("baby", "bird", "butterfly", "head", "woman")


@pytest.mark.parametrize("name", SET5)
def test_reproduces_matlab_bit_for_bit(data_dir: Path, name: str) -> None:
    high = _open_starting_with(data_dir / "eval" / "Set5", name)
    low = _open_starting_with(data_dir / "eval" / "Set5_LR_x4_matlab", name)
    assert np.array_equal(imresize(high, low.shape[:2], round_passes=True), low)


def _open_starting_with(folder: Path, name: str) -> np.ndarray:
    (path,) = (p for p in folder.iterdir() if p.stem.lower().startswith(name))
    return np.asarray(Image.open(path).convert("RGB"))


def test_matches_values_computed_by_hand() -> None:
    # Halving: taps at 0.25, 0.75, 1.25, 1.75 kernel units weigh 0.8671875, 0.2265625, -0.0703125, -0.0234375 (x 0.5).
    row = np.arange(1.0, 5.0)[None]
    assert np.allclose(imresize(row, (1, 2), round_passes=False), [[1.4609375, 3.5390625]])
    assert np.allclose(imresize(row, (1, 8), round_passes=False)[0, 3:5], [2.25, 2.75])


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 40), st.integers(1, 40), st.sampled_from([0, 1, 3]))
def test_constant_stays_constant(height: int, width: int, out_h: int, out_w: int, channels: int) -> None:
    shape = (height, width, channels) if channels else (height, width)
    out = imresize(np.full(shape, 200, np.uint8), (out_h, out_w), round_passes=True)
    assert out.shape == (out_h, out_w, *shape[2:])
    assert out.dtype == np.uint8
    assert (out == 200).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("out_hw", [(51, 70), (5, 9)])
def test_regions_equal_the_whole(out_hw: tuple[int, int], dtype: type) -> None:
    image = (np.random.default_rng(0).random((17, 23, 3)) * 255).astype(dtype)
    whole = imresize(image, out_hw, round_passes=False)
    for top in range(0, out_hw[0], 4):
        for left in range(0, out_hw[1], 7):
            rows, columns = (top, min(top + 4, out_hw[0])), (left, min(left + 7, out_hw[1]))
            part = imresize_region(image, out_hw, rows, columns)
            assert np.array_equal(part, whole[slice(*rows), slice(*columns)])


def test_same_size_is_the_identity() -> None:
    image = np.random.default_rng(1).integers(0, 256, (9, 13, 3), np.uint8)
    assert np.array_equal(imresize(image, (9, 13), round_passes=True), image)


@pytest.mark.parametrize(("shape", "out_hw"), [((0, 4), (2, 2)), ((4, 4), (0, 2)), ((2, 2, 2, 2), (2, 2))])
def test_refuses_impossible_sizes(shape: tuple[int, ...], out_hw: tuple[int, int]) -> None:
    with pytest.raises(ValueError):
        imresize(np.zeros(shape), out_hw, round_passes=False)

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from slsc.data.degradations import bicubic_pair, crop_to_multiple, open_reduced
from slsc.data.images import open_rgb
from slsc.data.patches import PatchSampler, apply_symmetry
from slsc.errors import DataError


def _positions(height: int, width: int, scale: int) -> tuple[np.ndarray, np.ndarray]:
    """A pair whose pixels hold their own LR row and column, so that alignment can be read off."""
    rows, columns = np.mgrid[:height, :width].astype(np.uint8)
    lr = np.stack([rows, columns, rows], axis=2)
    return lr, lr.repeat(scale, axis=0).repeat(scale, axis=1)


@given(st.integers(1, 4), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_lr_and_hr_patches_show_the_same_place(scale: int, patch: int, seed: int) -> None:
    sampler = PatchSampler([_positions(9, 13, scale), _positions(8, 8, scale)], scale, patch)
    lr, hr = sampler.draw((seed,))
    assert lr.shape == (patch, patch, 3)
    np.testing.assert_array_equal(hr, lr.repeat(scale, axis=0).repeat(scale, axis=1))


def test_a_patch_repeats_with_its_seed_and_turns_every_way() -> None:
    sampler = PatchSampler([_positions(16, 16, 2)], 2, 8)
    np.testing.assert_array_equal(sampler.draw((1, 2))[0], sampler.draw((1, 2))[0])
    rows = [sampler.draw((0, index))[0][..., 0].astype(int) for index in range(64)]
    slopes = {(patch[1, 0] - patch[0, 0], patch[0, 1] - patch[0, 0]) for patch in rows}
    assert slopes == {(1, 0), (-1, 0), (0, 1), (0, -1)}


def test_symmetries_are_the_eight_of_the_square() -> None:
    image = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    assert len({apply_symmetry(image, index).tobytes() for index in range(8)}) == 8


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

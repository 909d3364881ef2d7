from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from slsc.data.patches import PatchSampler, apply_symmetry


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

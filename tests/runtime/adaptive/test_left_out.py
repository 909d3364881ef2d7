"""What a pass leaves out is put in, whatever pieces the output comes in, and fades at its borders."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from slsc.runtime.adaptive.enlarging import enlarged
from slsc.runtime.adaptive.left_out import LeftOut
from slsc.runtime.adaptive.mixed_tiles import FADE, Part

SIZE, HW = (8, 12), (37, 55)
RNG = np.random.default_rng(7)
IMAGE = RNG.random((1, 3, *HW)).astype(np.float32)
WHOLE = Part(0, HW[0], 0, HW[1])


def cut(part: Part) -> np.ndarray:
    return IMAGE[:, :, part.top : part.bottom, part.left : part.right]


def pixels(regions: np.ndarray, scale: int) -> np.ndarray:
    return regions.repeat(SIZE[0] * scale, 0).repeat(SIZE[1] * scale, 1)[: HW[0] * scale, : HW[1] * scale]


@pytest.mark.parametrize("scale", [1, 3])
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_it_is_put_in_and_fades(tiny: SimpleNamespace, scale: int, share: float) -> None:
    regions = RNG.random((5, 5)) < share
    io = tiny.manifest(scale=scale).io
    restored = np.full((3, HW[0] * scale, HW[1] * scale), 9, np.float32)
    LeftOut(regions, SIZE, io).fill(restored, 0, WHOLE, cut)
    free = enlarged(IMAGE, io)[0]
    grown = np.pad(pixels(regions, scale), FADE * scale, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(grown, (2 * FADE * scale + 1,) * 2)
    weight = windows.mean((2, 3))
    np.testing.assert_allclose(restored, weight * free + (1 - weight) * 9, atol=2e-5)


def test_pieces_make_what_the_whole_does(tiny: SimpleNamespace) -> None:
    regions = RNG.random((5, 5)) < 0.4
    left_out = LeftOut(regions, SIZE, tiny.manifest(scale=2).io)
    whole = RNG.random((3, HW[0] * 2, HW[1] * 2)).astype(np.float32)
    pieces, first = whole.copy(), 0
    left_out.fill(whole, 0, WHOLE, cut)
    for rows in (1, 7, 16, 30, 20):
        left_out.fill(pieces[:, first : first + rows], first, WHOLE, cut)
        first += rows
    assert first == whole.shape[1]
    np.testing.assert_allclose(pieces, whole, atol=1e-6)

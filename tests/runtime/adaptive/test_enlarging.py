"""What costs nothing: bicubic enlargement as `imresize` has it, faster."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from slsc.runtime.adaptive.enlarging import enlarged
from slsc.runtime.image.resample import imresize


@pytest.mark.parametrize("scale", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("hw", [(1, 1), (2, 7), (24, 33)])
def test_it_is_bicubic_enlargement(tiny: SimpleNamespace, scale: int, hw: tuple[int, int]) -> None:
    image = np.random.default_rng(scale).random((1, 3, *hw)).astype(np.float32)
    expected = imresize(image[0].transpose(1, 2, 0), (hw[0] * scale, hw[1] * scale), round_passes=False).clip(0, 1)
    found = enlarged(image, tiny.manifest(scale=scale).io)
    np.testing.assert_allclose(found[0].transpose(1, 2, 0), expected, atol=2e-6)

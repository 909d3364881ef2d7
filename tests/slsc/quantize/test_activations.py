"""How a tensor's numbers become 256 integers."""

from __future__ import annotations

import numpy as np
import onnx.parser
import pytest
import torch
from onnx import numpy_helper

from slsc.onnx_torch import OnnxModule
from slsc.quantize.activations import Reader, convolved, fitted, range_grid


def reader(weight: np.ndarray, groups: int = 1) -> Reader:
    graph = f"net (float[n,8,h,w] x) => (float[n,4,h,w] y) {{ y = Conv <pads=[1,1,1,1], group={groups}> (x, w) }}"
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {graph}')
    model.graph.initializer.append(numpy_helper.from_array(weight, "w"))
    return Reader(OnnxModule(model).conv_steps()[0], torch.from_numpy(weight))


def weights(groups: int = 1) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((4, 8 // groups, 3, 3)).astype(np.float32)


def error(x: torch.Tensor, at: Reader, quantizer) -> float:
    given = convolved(quantizer(x), quantizer.divided(at.weight, at.conv.groups), at.conv)
    return float((given - convolved(x, at.weight, at.conv)).square().mean())


@pytest.mark.parametrize(("low", "high"), [(-1.0, 3.0), (0.5, 2.0), (-3.0, -1.0), (0.0, 0.0)])
def test_a_range_is_covered_and_zero_is_exact(low: float, high: float) -> None:
    for signed in (False, True):
        grid = range_grid(low, high, signed)
        bounds = grid.bounds
        assert bounds[0] <= min(low, 0) + grid.scale and max(high, 0) - grid.scale <= bounds[1]
        assert grid.scale > 0 and (0 <= grid.zero <= 255 if not signed else grid.zero == 0)


@pytest.mark.parametrize("signed", [False, True], ids=["uint8", "int8"])
def test_rare_large_values_are_clipped(signed: bool) -> None:
    x = torch.from_numpy(np.random.default_rng(1).standard_normal((2, 8, 128, 128)).astype(np.float32))
    x[0, 0, 3, 3] = 14
    found = fitted(x, [reader(weights())], signed, multiply=False)
    assert 3 < found.grid.bounds[1] < 13


@pytest.mark.parametrize("groups", [1, 2])
def test_small_channels_are_brought_up_to_large_ones(groups: int) -> None:
    x = torch.from_numpy(np.random.default_rng(1).standard_normal((2, 8, 24, 24)).astype(np.float32))
    x[:, :2] *= 200
    at = reader(weights(groups), groups)
    at = Reader(at.conv, at.weight.clone())
    step = 8 // groups
    for channel in (0, 1):  # the large ones weigh little, as in networks that carry the image along
        rows = slice(channel // step * (4 // groups), (channel // step + 1) * (4 // groups))
        at.weight[rows, channel % step] /= 200
    plain, multiplied = fitted(x, [at], False, multiply=False), fitted(x, [at], False, multiply=True)
    assert plain.factor is None and multiplied.factor is not None
    assert multiplied.factor[2:].min() > 10 * multiplied.factor[:2].max()
    assert error(x, at, multiplied) < 0.1 * error(x, at, plain)


def test_channels_of_one_range_are_left_alone() -> None:
    x = torch.from_numpy(np.random.default_rng(1).standard_normal((2, 8, 24, 24)).astype(np.float32))
    assert fitted(x, [reader(weights())], False, multiply=True).factor is None


def test_a_tensor_of_zeros() -> None:
    x = torch.zeros(1, 8, 5, 5)
    assert not fitted(x, [reader(weights())], False, multiply=True)(x).any()


def test_drawn_pictures_widen_a_range_a_little() -> None:
    generator = np.random.default_rng(1)
    photos = torch.from_numpy(generator.standard_normal((2, 8, 48, 48)).astype(np.float32))
    drawn = 8 * photos
    at = [reader(weights())]
    alone, along = fitted(photos, at, False, multiply=False), fitted(photos, at, False, multiply=False, drawn=drawn)
    assert 1.5 * alone.grid.bounds[1] < along.grid.bounds[1] < drawn.max()
    assert error(drawn, at[0], along) < 0.5 * error(drawn, at[0], alone)

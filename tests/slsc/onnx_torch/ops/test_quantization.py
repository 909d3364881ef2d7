from __future__ import annotations

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper

from slsc.errors import ModelError
from slsc.onnx_torch import OnnxModule

SCALES = np.array([0.01, 0.1, 0.5, 2.0], np.float32)


def round_trip(*attributes: dict[str, int]):
    """QuantizeLinear and DequantizeLinear of `x` with one scale and zero point."""
    first, second = (attributes * 2)[:2]
    return [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], **first),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], **second),
    ]


@pytest.mark.parametrize("kind", [np.int8, np.uint8])
def test_per_tensor(model_of, assert_agrees, random, kind) -> None:
    """Half steps, saturation and both signs included."""
    model = model_of(round_trip({}), {"s": np.float32(0.25), "z": kind(3)})
    halves = np.arange(-400, 400, dtype=np.float32).reshape(1, 4, 10, 20) * 0.125
    assert_agrees(model, halves)
    assert_agrees(model, 100 * random(2, 4, 5, 6))


@pytest.mark.parametrize("axis", [1, -3])
def test_per_channel(model_of, assert_agrees, random, axis) -> None:
    model = model_of(round_trip({"axis": axis}), {"s": SCALES, "z": np.array([0, 5, -5, 100], np.int8)})
    assert_agrees(model, 10 * random(2, 4, 5, 6))


@pytest.mark.parametrize("kind", [np.int16, np.uint16])
def test_sixteen_bits(model_of, assert_agrees, random, kind) -> None:
    model = model_of(round_trip({}), {"s": np.float32(1e-3), "z": kind(7)}, opset=21)
    assert_agrees(model, 40 * random(1, 2, 5, 6))


def test_without_a_zero_point_it_is_unsigned(model_of, assert_agrees, random) -> None:
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s"], ["y"]),
    ]
    assert_agrees(model_of(nodes, {"s": np.float32(0.1)}), 10 * random(1, 3, 4, 5))


def test_gradients_pass_rounding_but_not_saturation(model_of) -> None:
    module = OnnxModule(model_of(round_trip({}), {"s": np.float32(0.1), "z": np.int8(0)}))
    x = torch.tensor([[0.123, -5.0, 50.0]], requires_grad=True)
    module(x).sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), [[1, 1, 0]])


def test_what_is_no_integer_of_8_or_16_bits_is_refused(model_of) -> None:
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s"], ["q"], name="the_node", output_dtype=TensorProto.FLOAT8E4M3FN),
        helper.make_node("DequantizeLinear", ["q", "s"], ["y"]),
    ]
    module = OnnxModule(model_of(nodes, {"s": np.float32(0.1)}, opset=21))
    with pytest.raises(ModelError, match=r"the_node.*8 or 16 bits"):
        module(torch.zeros(1, 3, 4, 4))

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from onnx import helper

from slsc.onnx_torch import OnnxModule


def names(model: Any) -> tuple[str, ...]:
    return OnnxModule(model).parameter_names()


@pytest.mark.parametrize(
    ("op", "shapes", "found"),
    [
        ("Conv", [(4, 3, 1, 1), (4,)], ("c0", "c1")),
        ("ConvTranspose", [(3, 4, 2, 2), (4,)], ("c0", "c1")),
        ("PRelu", [(3, 1, 1)], ("c0",)),
        ("PRelu", [(1,)], ("c0",)),
        ("MatMul", [(4, 4)], ("c0",)),
        ("Gemm", [(4, 4), (4,)], ("c0", "c1")),
        ("InstanceNormalization", [(3,), (3,)], ("c0", "c1")),
        ("BatchNormalization", [(3,)] * 4, ("c0", "c1")),
        ("Mul", [(3, 1, 1)], ("c0",)),
        ("Mul", [()], ()),
        ("Div", [(1,)], ()),
        ("Max", [(3, 1, 1)], ()),
    ],
)
def test_which_inputs_are_weights(op_model: Any, random: Any, op: str, shapes: list, found: tuple[str, ...]) -> None:
    assert names(op_model(op, *(random(*shape) for shape in shapes))) == found


def test_a_tensor_shared_with_running_statistics_stays_as_it_is(model_of: Any, random: Any) -> None:
    ones, x = np.ones(3, np.float32), torch.from_numpy(random(2, 3, 4, 4))
    node = helper.make_node("BatchNormalization", ["x", "ones", "bias", "mean", "ones"], ["y"])
    module = OnnxModule(model_of([node], {"ones": ones, "bias": random(3), "mean": random(3)}))
    assert module.parameter_names() == ("bias",)
    module(x).mean().backward()


def test_resize_scales_and_shapes_are_no_weights(op_model: Any) -> None:
    assert names(op_model("Resize", None, np.array([1, 1, 2, 2], np.float32), mode="linear")) == ()
    assert names(op_model("Reshape", np.array([0, -1]))) == ()


def test_weight_computed_from_constants_is_trained_through_the_computation(
    model_of: Any, assert_agrees: Any, random: Any
) -> None:
    """Weight normalisation, g * v / |v|: g and v are the weights."""
    nodes = [
        helper.make_node("ReduceL2", ["v"], ["length"], axes=[1, 2, 3]),
        helper.make_node("Div", ["v", "length"], ["unit"]),
        helper.make_node("Mul", ["unit", "g"], ["w"]),
        helper.make_node("Conv", ["x", "w"], ["y"]),
    ]
    model = model_of(nodes, {"v": random(4, 3, 3, 3), "g": random(4, 1, 1, 1)})
    assert_agrees(model, random(1, 3, 6, 6))
    module = OnnxModule(model)
    assert module.parameter_names() == ("v", "g")
    assert module.conv_steps() == ()
    module(torch.from_numpy(random(1, 3, 6, 6))).square().mean().backward()
    assert module.parameter("v").grad is not None

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch

from slsc.errors import ModelError
from slsc.onnx_torch import OnnxModule


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge"])
@pytest.mark.parametrize("pads", [[0, 0, 1, 2, 0, 0, 3, 1], [0, 0, 0, 0, 0, 0, 0, 0], [0, 0, -1, 2, 0, 0, 1, -2]])
def test_pad_by_attribute_and_by_input(op_model, assert_agrees, random, mode, pads) -> None:
    assert_agrees(op_model("Pad", opset=10, mode=mode, pads=pads), random(2, 3, 6, 7))
    assert_agrees(op_model("Pad", ints(*pads), opset=13, mode=mode), random(2, 3, 6, 7))


def test_pad_of_channels_with_a_value_and_of_named_axes(op_model, assert_agrees, random) -> None:
    assert_agrees(op_model("Pad", opset=10, pads=[0, 2, 0, 0, 0, 1, 0, 0], value=0.5), random(2, 3, 4, 4))
    assert_agrees(op_model("Pad", ints(1, 2, 0, 1), np.float32(3), ints(2, -1), opset=18), random(2, 3, 4, 4))
    assert_agrees(op_model("Pad", ints(0, 0, 2, 1, 0, 0, 1, 3), opset=19, mode="wrap"), random(2, 3, 4, 4))


@pytest.mark.parametrize(
    "bounds",
    [
        (ints(1), ints(100), ints(2)),
        (ints(1, -3), ints(-1, 100), ints(2, -1)),
        (ints(-1), ints(-100), ints(1), ints(-1)),
        (ints(0, 5), ints(100, 0), ints(2, 3), ints(2, -2)),
        (ints(0, 1), ints(2, 2)),
        (ints(3), ints(2), ints(2)),
    ],
)
def test_slice_by_inputs(op_model, assert_agrees, random, bounds) -> None:
    assert_agrees(op_model("Slice", *bounds, opset=11), random(2, 3, 6, 7))


def test_slice_by_attributes(op_model, assert_agrees, random) -> None:
    assert_agrees(op_model("Slice", opset=9, starts=[1, -4], ends=[100, -1], axes=[2, 3]), random(2, 3, 6, 7))


@pytest.mark.parametrize("indices", [ints(0, 2), ints(-1), np.int64(1), ints(0, 1, 2, 0).reshape(2, 2)])
@pytest.mark.parametrize("axis", [1, -2])
def test_gather(op_model, assert_agrees, random, indices, axis) -> None:
    assert_agrees(op_model("Gather", np.asarray(indices), opset=13, axis=axis), random(2, 3, 4, 5))


def test_gather_elements(op_model, assert_agrees, random) -> None:
    indices = np.random.default_rng(0).integers(-3, 3, (2, 2, 4))
    assert_agrees(op_model("GatherElements", indices, axis=1), random(2, 3, 4))


def test_gather_and_scatter_by_coordinates(op_model, assert_agrees, random) -> None:
    places = np.array([[0, 1], [1, -1]])
    assert_agrees(op_model("GatherND", places), random(2, 3, 4))
    assert_agrees(op_model("ScatterND", places, random(2, 4), opset=16), random(2, 3, 4))


@pytest.mark.parametrize(
    ("op", "constants", "attributes"),
    [
        ("GatherND", (np.array([[[0]], [[1]]]),), {"batch_dims": 1}),
        ("ScatterND", (np.array([[0]]), np.zeros((1, 3, 4), np.float32)), {"reduction": "add"}),
        ("Pad", (ints(0, 0, 0, 1, 1, 1),), {"mode": "mirror"}),
    ],
)
def test_what_is_not_supported_is_refused(op_model, random, op, constants, attributes) -> None:
    model: onnx.ModelProto = op_model(op, *constants, opset=16, **attributes)
    with pytest.raises(ModelError, match="the_op"):
        OnnxModule(model)(torch.zeros(2, 3, 4))

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper

from slsc.errors import ModelError
from slsc.onnx_torch import OnnxModule


@pytest.mark.parametrize("element_type", [1, 2, 3, 6, 7, 9, 11])
def test_cast_there_and_back(model_of, assert_agrees, element_type) -> None:
    nodes = [helper.make_node("Cast", ["x"], ["t"], to=element_type), helper.make_node("Cast", ["t"], ["y"], to=1)]
    assert_agrees(model_of(nodes, {}), np.array([[0.0, 1.7, 2.2, 100.9]], np.float32))


def test_cast_to_text_is_refused(model_of) -> None:
    nodes = [helper.make_node("Cast", ["x"], ["t"], to=8), helper.make_node("Cast", ["t"], ["y"], to=1)]
    with pytest.raises(ModelError, match="element type 8"):
        OnnxModule(model_of(nodes, {}))(torch.zeros(1))


def test_cast_like(model_of, assert_agrees, random) -> None:
    nodes = [helper.make_node("CastLike", ["whole", "x"], ["f"]), helper.make_node("Add", ["f", "x"], ["y"])]
    assert_agrees(model_of(nodes, {"whole": np.array([1, 2, 3])}), random(2, 3))


@pytest.mark.parametrize("value", [None, np.array([2.5], np.float32), np.array([3], np.int64)])
def test_constant_of_shape(model_of, assert_agrees, random, value) -> None:
    attributes = {} if value is None else {"value": numpy_helper.from_array(value)}
    nodes: list[onnx.NodeProto] = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("ConstantOfShape", ["s"], ["filled"], **attributes),
        helper.make_node("Cast", ["filled"], ["f"], to=1),
        helper.make_node("Add", ["x", "f"], ["y"]),
    ]
    assert_agrees(model_of(nodes, {}), random(2, 3, 4))


def test_range(model_of, assert_agrees, random) -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "one"], ["end"]),
        helper.make_node("Range", ["zero", "end", "one"], ["r"]),
        helper.make_node("Cast", ["r"], ["f"], to=1),
        helper.make_node("Mul", ["x", "f"], ["y"]),
    ]
    assert_agrees(model_of(nodes, {"zero": np.int64(0), "one": np.int64(1)}), random(2, 5))

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from slsc.errors import ModelError


def places(model_of, op: str, **attributes):
    """A graph that ends in float, as the comparison wants it."""
    nodes = [helper.make_node(op, ["x"], ["at"], **attributes), helper.make_node("Cast", ["at"], ["y"], to=1)]
    return model_of(nodes, {})


@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("attributes", [{"axis": 1}, {"axis": -1, "keepdims": 0}, {"axis": 1, "select_last_index": 1}])
def test_places_of_extremes(model_of, assert_agrees, random, op, attributes) -> None:
    x = np.round(random(2, 5, 4, 3))  # with equals
    assert_agrees(places(model_of, op, **attributes), x)


@pytest.mark.parametrize("attributes", [{}, {"axis": 1, "largest": 0}])
def test_top_k(model_of, assert_agrees, random, attributes) -> None:
    top = helper.make_node("TopK", ["x", "k"], ["best", "at"], **attributes)
    nodes = [top, helper.make_node("Cast", ["at"], ["f"], to=1), helper.make_node("Add", ["best", "f"], ["y"])]
    assert_agrees(model_of(nodes, {"k": np.array([2])}), random(2, 4, 5, 6))


@pytest.mark.parametrize("attributes", [{}, {"exclusive": 1}, {"reverse": 1}, {"reverse": 1, "exclusive": 1}])
def test_running_sums(op_model, assert_agrees, random, attributes) -> None:
    assert_agrees(op_model("CumSum", np.int64(-2), **attributes), random(2, 3, 4, 5))


@pytest.mark.parametrize("upper", [0, 1])
@pytest.mark.parametrize("diagonal", [None, np.int64(1), np.int64(-2)])
def test_triangles(op_model, assert_agrees, random, upper, diagonal) -> None:
    assert_agrees(op_model("Trilu", diagonal, upper=upper), random(2, 3, 4, 5))


@pytest.mark.parametrize("axis", [-1, 1])
def test_one_place_of_many(model_of, assert_agrees, random, axis) -> None:
    nodes = [
        helper.make_node("Cast", ["x"], ["at"], to=7),
        helper.make_node("OneHot", ["at", "depth", "values"], ["y"], axis=axis),
    ]
    constants = {"depth": np.int64(3), "values": np.float32([-1, 2])}
    assert_agrees(model_of(nodes, constants), np.float32([[0, 2, 5], [-1, 1, -4]]))


def test_scattered_elements(op_model, assert_agrees, random) -> None:
    at, values = np.array([[[[1, -1], [0, 2]]]]), random(1, 1, 2, 2)
    assert_agrees(op_model("ScatterElements", at, values, axis=3), random(1, 2, 3, 4))
    with pytest.raises(ModelError, match="reduction"):
        assert_agrees(op_model("ScatterElements", at, values, opset=18, axis=3, reduction="add"), random(1, 2, 3, 4))

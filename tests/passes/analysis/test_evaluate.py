"""One node is computed as its model's operator set means it."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from slsc.passes.analysis.evaluate import evaluate


@pytest.mark.parametrize("version", [7, 9, 11, 12])
def test_axes_may_be_an_attribute(version):
    node = helper.make_node("Unsqueeze", ["x"], ["y"], axes=[1, 3])
    made = evaluate(node, [helper.make_opsetid("", version)], {"x": np.arange(6).reshape(2, 3)})
    assert made["y"].shape == (2, 1, 3, 1)


@pytest.mark.parametrize("version", [13, 21])
def test_axes_may_be_an_input(version):
    node = helper.make_node("Unsqueeze", ["x", "axes"], ["y"])
    made = evaluate(node, [helper.make_opsetid("", version)], {"x": np.array(4), "axes": np.array([0])})
    assert made["y"].tolist() == [4]


def test_outputs_come_by_name_and_an_input_may_stand_twice():
    node = helper.make_node("Split", ["x"], ["left", "right"], axis=0, split=[1, 2])
    made = evaluate(node, [helper.make_opsetid("", 11)], {"x": np.arange(3)})
    assert {name: value.tolist() for name, value in made.items()} == {"left": [0], "right": [1, 2]}
    doubled = evaluate(helper.make_node("Add", ["x", "x"], ["y"]), [helper.make_opsetid("", 17)], {"x": np.array([3])})
    assert doubled["y"].tolist() == [6]

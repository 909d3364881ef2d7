from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from slsc.errors import ModelError
from slsc.onnx_torch import OnnxModule


@st.composite
def windows(draw: st.DrawFn) -> dict:
    """Attributes of a 2-D pooling, pads below the kernel."""
    kernel = draw(st.lists(st.integers(1, 4), min_size=2, max_size=2))
    attributes = {"kernel_shape": kernel, "strides": [draw(st.integers(1, k)) for k in kernel]}
    if draw(st.booleans()):
        attributes["auto_pad"] = draw(st.sampled_from(["SAME_UPPER", "SAME_LOWER", "VALID"]))
    else:
        attributes["pads"] = [draw(st.integers(0, k - 1)) for k in kernel * 2]
        attributes["ceil_mode"] = draw(st.integers(0, 1))
    return attributes


def image(side: int) -> np.ndarray:
    return np.random.default_rng(5).standard_normal((2, 3, side, 11)).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(windows(), st.integers(9, 13))
def test_max_pool_of_any_attributes(op_model, assert_agrees, attributes, side) -> None:
    assert_agrees(op_model("MaxPool", opset=12, **attributes), image(side))


@settings(max_examples=60, deadline=None)
@given(windows(), st.integers(0, 1), st.integers(9, 13), st.sampled_from([11, 19]))
def test_average_pool_of_any_attributes(op_model, assert_agrees, attributes, count, side, opset) -> None:
    assert_agrees(op_model("AveragePool", opset=opset, count_include_pad=count, **attributes), image(side))


def test_dilated_max_pool(op_model, assert_agrees, random) -> None:
    attributes = {"kernel_shape": [3, 2], "dilations": [2, 3], "pads": [1, 0, 1, 1]}
    assert_agrees(op_model("MaxPool", **attributes), random(1, 3, 9, 10))


@pytest.mark.parametrize("op", ["GlobalAveragePool", "GlobalMaxPool"])
def test_global_pool(op_model, assert_agrees, random, op) -> None:
    assert_agrees(op_model(op), random(2, 3, 5, 4))


REDUCTIONS = ["L1", "L2", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"]


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("keepdims", [0, 1])
def test_reductions_by_attribute_and_by_input(op_model, assert_agrees, random, name, keepdims) -> None:
    op, x = f"Reduce{name}", random(2, 3, 5, 4)
    assert_agrees(op_model(op, np.array([2, -1]), opset=18, keepdims=keepdims), x)
    assert_agrees(op_model(op, opset=11, axes=[1, 3], keepdims=keepdims), x)
    assert_agrees(op_model(op, opset=13, keepdims=keepdims), x)


def test_reduction_over_no_axes_may_do_nothing(op_model, assert_agrees, random) -> None:
    assert_agrees(op_model("ReduceSum", opset=13, noop_with_empty_axes=1), random(2, 3, 4))


def test_dilated_average_and_indices_are_refused(op_model, random) -> None:
    with pytest.raises(ModelError, match="dilated"):
        OnnxModule(op_model("AveragePool", opset=19, kernel_shape=[2, 2], dilations=[2, 2]))(torch.zeros(1, 1, 5, 5))

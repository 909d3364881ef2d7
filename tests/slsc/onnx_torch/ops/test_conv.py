from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from slsc.errors import ModelError
from slsc.onnx_torch import OnnxModule


def numbers(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@st.composite
def windows(draw: st.DrawFn) -> tuple[list[int], dict]:
    """A kernel and the attributes of a 1-D or 2-D convolution."""
    rank = draw(st.integers(1, 2))

    def several(low: int, high: int, count: int = rank) -> list[int]:
        return draw(st.lists(st.integers(low, high), min_size=count, max_size=count))

    kernel, attributes = several(1, 4), {"strides": several(1, 3), "group": draw(st.sampled_from([1, 2, 4]))}
    mode = draw(st.sampled_from(["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", None]))
    if mode:
        attributes["auto_pad"] = mode
    if mode in ("NOTSET", None):
        attributes |= {"pads": several(0, 2, 2 * rank), "dilations": several(1, 2)}
    return kernel, attributes


@settings(max_examples=60, deadline=None)
@given(windows(), st.booleans(), st.integers(9, 12))
def test_conv_of_any_attributes(op_model, assert_agrees, window, biased, side) -> None:
    kernel, attributes = window
    weight = numbers(1, 8, 4 // attributes["group"], *kernel)
    bias = [numbers(2, 8)] if biased else []
    model = op_model("Conv", weight, *bias, opset=11, **attributes)
    assert_agrees(model, numbers(3, 2, 4, *([side, 11][: len(kernel)])))


@settings(max_examples=60, deadline=None)
@given(windows(), st.booleans(), st.integers(9, 12), st.data())
def test_conv_transpose_of_any_attributes(op_model, assert_agrees, window, biased, side, data) -> None:
    kernel, attributes = window
    if "pads" in attributes:
        reach = [(k - 1) * d for k, d in zip(kernel, attributes["dilations"], strict=True)] * 2
        attributes["pads"] = [min(pad, most) for pad, most in zip(attributes["pads"], reach, strict=True)]
        attributes["output_padding"] = [data.draw(st.integers(0, stride - 1)) for stride in attributes["strides"]]
    weight = numbers(1, 4, 8 // attributes["group"], *kernel)
    bias = [numbers(2, 8)] if biased else []
    model = op_model("ConvTranspose", weight, *bias, opset=11, **attributes)
    assert_agrees(model, numbers(3, 2, 4, *([side, 11][: len(kernel)])))


def test_conv_transpose_to_an_output_shape(op_model, assert_agrees, random) -> None:
    attributes = {"strides": [2, 2], "output_shape": [10, 13]}
    assert_agrees(op_model("ConvTranspose", random(4, 2, 4, 4), **attributes), random(1, 4, 5, 6))


def test_depthwise_and_three_dimensional_conv(op_model, assert_agrees, random) -> None:
    assert_agrees(op_model("Conv", random(4, 1, 3, 3), group=4, pads=[1] * 4), random(1, 4, 7, 8))
    assert_agrees(op_model("Conv", random(5, 4, 1, 3, 3), pads=[0, 1, 1, 0, 1, 1]), random(1, 4, 2, 7, 8))


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize("scales", [{}, {"alpha": 0.5, "beta": 2.0}])
def test_gemm(op_model, assert_agrees, random, transposed, scales) -> None:
    weight = random(7, 5) if transposed else random(5, 7)
    assert_agrees(op_model("Gemm", weight, random(7), transB=transposed, **scales), random(3, 5))
    assert_agrees(op_model("Gemm", weight, transB=transposed, transA=1), random(5, 3))


def test_matmul_and_einsum(op_model, assert_agrees, random) -> None:
    assert_agrees(op_model("MatMul", random(2, 1, 4, 3)), random(2, 5, 6, 4))
    assert_agrees(op_model("Einsum", random(3, 4), equation="bchw,kc->bkhw"), random(1, 4, 5, 6))


def test_conv_too_large_for_the_image_names_the_node(op_model, random) -> None:
    with pytest.raises(ModelError, match="the_op"):
        OnnxModule(op_model("Conv", random(2, 3, 9, 9)))(torch.zeros(1, 3, 4, 4))


def test_auto_pad_with_dilation_is_refused_as_onnxruntime_does(op_model, random) -> None:
    module = OnnxModule(op_model("Conv", random(2, 3, 3, 3), auto_pad="SAME_UPPER", dilations=[2, 2]))
    with pytest.raises(ModelError, match="auto_pad"):
        module(torch.zeros(1, 3, 4, 4))

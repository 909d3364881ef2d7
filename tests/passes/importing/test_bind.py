"""Inputs beside the image get their values in the graph, as ONNX Runtime has them when it is fed the same."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from slsc.errors import ModelError, UsageError
from slsc.passes import verify
from slsc.passes.graph import declared_shape, image_input
from slsc.passes.importing.bind import bind
from slsc.passes.importing.binding import Binding, named_numbers, number
from slsc.passes.importing.import_model import import_model

SIGMA = """net (float[n,3,h,w] x, float[1,1,1,1] sigma) => (float[n,3,h,w] y) {
  a = Conv <pads=[1,1,1,1]> (x, w)  b = Mul(a, sigma)  y = Sub(x, b) }"""
MAP = """net (float[n,3,h,w] x, float[n,1,h,w] level) => (float[n,3,h,w] y) {
  c = Concat <axis=1> (x, level)  y = Conv <pads=[1,1,1,1]> (c, w) }"""
FOUR = "net (float[n,4,h,w] x) => (float[n,3,h,w] y) { y = Conv <pads=[1,1,1,1]> (x, w) }"
TWO_OUT = """net (float[n,3,h,w] x) => (float[n,3,h,w] y, float[n,3,H,W] coarse) {
  y = Conv <pads=[1,1,1,1]> (x, w)  coarse = AveragePool <kernel_shape=[2,2], strides=[2,2]> (y) }"""


def fed(model: onnx.ModelProto, **inputs: np.ndarray) -> np.ndarray:
    return verify.session(model).run(["y"], inputs)[0]


@pytest.mark.parametrize("opset", [9, 17])
@pytest.mark.parametrize(
    ("text", "weight", "given", "other"),
    [
        (SIGMA, (3, 3, 3, 3), {"sigma": (0.25,)}, lambda hw: {"sigma": np.full((1, 1, 1, 1), 0.25, np.float32)}),
        (MAP, (3, 4, 3, 3), {"level": (0.5,)}, lambda hw: {"level": np.full((1, 1, *hw), 0.5, np.float32)}),
    ],
    ids=["scalar", "map"],
)
def test_a_value_is_bound_at_every_size(build, image, opset, text, weight, given, other):
    model = build(text, opset=opset, w=weight)
    bound = import_model(bind(model, Binding(given))).model
    for hw in ((20, 24), (17, 33)):
        batch = image(*hw)
        expected = fed(model, x=batch, **other(hw))
        assert np.abs(verify.run(verify.session(bound), batch) - expected).max() < 1e-6


def test_a_map_of_several_channels_takes_a_value_each(build, image):
    text = MAP.replace("float[n,1,h,w] level", "float[n,2,h,w] level")
    model = build(text, w=(3, 5, 3, 3))
    bound = bind(model, Binding({"level": (0.5, -2.0)}))
    level = np.broadcast_to(np.float32([0.5, -2.0])[None, :, None, None], (1, 2, 9, 8))
    expected = fed(model, x=image(9, 8), level=level)
    assert np.abs(verify.run(verify.session(bound), image(9, 8)) - expected).max() < 1e-6


@pytest.mark.parametrize("opset", [9, 17])
def test_alpha_that_comes_out_beside_the_image_is_left_out(build, image, opset):
    text = "net (float[n,4,h,w] x) => (float[n,4,h,w] y) { y = Conv <pads=[1,1,1,1]> (x, w) }"
    model, batch = build(text, opset=opset, w=(4, 4, 3, 3)), image(20, 24)
    bound = import_model(bind(model, Binding(extra_channels=(1.0,)))).model
    expected = fed(model, x=np.concatenate([batch, np.ones_like(batch[:, :1])], 1))[:, :3]
    assert np.abs(verify.run(verify.session(bound), batch) - expected).max() < 1e-6


@pytest.mark.parametrize(("channels", "values"), [(4, (0.1,)), (5, (0.1, 0.7))])
def test_extra_channels_are_constant(build, image, channels, values):
    model = build(FOUR.replace("n,4,", f"n,{channels},"), w=(3, channels, 3, 3))
    bound = import_model(bind(model, Binding(extra_channels=values))).model
    assert declared_shape(bound, "x")[1] == 3
    batch = image(12, 10)
    full = np.concatenate([batch, *(np.full((1, 1, 12, 10), value, np.float32) for value in values)], 1)
    assert np.abs(verify.run(verify.session(bound), batch) - fed(model, x=full)).max() < 1e-6


def test_the_wanted_output_is_kept_with_what_it_needs(build):
    bound = bind(build(TWO_OUT, w=(3, 3, 3, 3)), Binding(output="y"))
    assert image_input(bound) == ("x", "y") and [node.op_type for node in bound.graph.node] == ["Conv"]


def test_an_input_that_only_other_outputs_need_goes(build):
    text = "net (float[n,3,h,w] x, float[1] k) => (float[n,3,h,w] y, float[n,3,h,w] z) { y = Relu(x) z = Mul(y, k) }"
    bound = bind(build(text), Binding(output="y"))
    assert [value.name for value in bound.graph.input] == ["x"]


@pytest.mark.parametrize(
    ("text", "binding", "said"),
    [
        (SIGMA, Binding(), "--set sigma=VALUE"),
        (MAP, Binding(), "--input x --set level=VALUE"),
        (MAP, Binding(input="x"), "--set level=VALUE"),
    ],
)
def test_what_is_missing_is_named_with_what_to_type(build, text, binding, said):
    with pytest.raises(ModelError, match=said):
        bind(build(text, w=(3, 4 if text == MAP else 3, 3, 3)), binding)


@pytest.mark.parametrize(
    ("binding", "said"),
    [
        (Binding({"sigmoid": (1.0,)}), "no input 'sigmoid'"),
        (Binding(input="z"), "no input 'z'"),
        (Binding(output="z"), "no output 'z'"),
        (Binding({"sigma": (1.0, 2.0)}), "2 values"),
        (Binding({"sigma": (1.0,)}, extra_channels=(1.0, 1.0, 1.0)), "extra channels"),
        (Binding({"x": (1.0,)}, input="x"), "cannot be the image"),
    ],
)
def test_what_does_not_fit_is_refused(build, binding, said):
    with pytest.raises(UsageError, match=said):
        bind(build(SIGMA, w=(3, 3, 3, 3)), binding)


def test_a_binding_is_written_and_read_as_options():
    binding = Binding({"sigma": (25 / 255,), "mean": (0.1, 0.2)}, (0.1,), "x", "y")
    assert Binding.from_options(binding.options()) == binding
    assert named_numbers("a=b=25/255") == ("a=b", (25 / 255,))


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "1/0", "1e999", "1//2"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(UsageError, match="not a number"):
        number(text)


def test_channels_may_be_last(build, image):
    text = """net (float[n,h,w,4] x) => (float[n,h,w,3] y) {
      f = Transpose <perm=[0,3,1,2]> (x) c = Conv <pads=[1,1,1,1]> (f, k) y = Transpose <perm=[0,2,3,1]> (c) }"""
    model = build(text, k=(3, 4, 3, 3))
    bound = import_model(bind(model, Binding(extra_channels=(0.5,)))).model
    batch = image(12, 10)
    full = np.concatenate([batch, np.full((1, 1, 12, 10), 0.5, np.float32)], 1).transpose(0, 2, 3, 1)
    expected = fed(model, x=full).transpose(0, 3, 1, 2)
    assert np.abs(verify.run(verify.session(bound), batch) - expected).max() < 1e-6

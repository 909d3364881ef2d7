"""What is refused at the door, by node and reason."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

from slsc.errors import ModelError
from slsc.passes.analysis.layers import prunable_layers
from slsc.passes.base import PassContext
from slsc.passes.importing.import_checks import ImportChecks
from slsc.passes.importing.import_model import import_model

NET = "net (float[n,3,h,w] x) => (float[n,c,H,W] y)"


def check(model: onnx.ModelProto) -> ModelError:
    with pytest.raises(ModelError) as caught:
        import_model(model)
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_sound_network_passes_unchanged(build):
    model = build(f"{NET} {{ y = Conv <pads=[1,1,1,1]> (x, w) }}", w=(3, 3, 3, 3))
    result = ImportChecks().run(model, PassContext())
    assert not result.modified and result.model is model and result.report == {"nodes": 1, "scale": 1}


INTEGERS = {"q": np.ones((3, 3, 1, 1), np.int8)}
REFUSED = [
    ("d, s, z = DynamicQuantizeLinear(x) c = ConvInteger(d, q) y = Cast <to=1> (c)", INTEGERS, ["in integers"]),
    ("n, m, v = BatchNormalization <training_mode=1> (x, a, a, a, a) y = Relu(n)", {"a": (3,)}, ["training mode"]),
    ("y = Dropout (x, share, on)", {"share": np.float32(0.5), "on": np.array(True)}, ["Dropout", "training mode"]),
    ("g = GlobalAveragePool(x) k = Concat <axis=0> (g, g) y = Conv(x, k)", {}, ["Conv", "computed from the image"]),
    ("r = RandomNormalLike(x) y = Add(x, r)", {}, ["RandomNormalLike", "random"]),
    ("y = MaxPool <kernel_shape=[2,2], strides=[2,2]> (x)", {}, ["0.5 times"]),
    ("y = Resize (x, , s)", {"s": np.array([1, 1, 32, 32], np.float32)}, ["32 times"]),
    ("y = Resize (x, , s)", {"s": np.array([1, 1, 2, 4], np.float32)}, ["alike"]),
    ("c = ConstantOfShape(s) m = ReduceMean <keepdims=0> (c) y = Add(x, m)", {"s": np.array([2**17] * 2)}, ["values"]),
    ("r = Resize (x, , s) y = MaxPool <kernel_shape=[512,512], strides=[512,512]> (r)",
     {"s": np.array([1, 1, 512, 512], np.float32)}, ["Resize", "values"]),
    ("a = Conv(x, w) y = Conv(a, w)", {"w": (4, 3, 1, 1)}, ["Conv", "does not run"]),
    ("s = Shape(x) i = Gather(s, far) f = Cast <to=1> (i) y = Add(x, f)", {"far": np.array(7)}, ["Gather", "computed"]),
    ("z = NonZero(x) f = Cast <to=1> (z) m = ReduceMean <keepdims=0> (f) y = Add(x, m)", {}, ["NonZero", "shape"]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "values", "parts"), REFUSED)
def test_what_no_later_pass_could_handle(build, body, values, parts):
    message = str(check(build(f"{NET} {{ {body} }}", **values)))
    assert all(part in message for part in parts), message


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("constant", [False, True])
def test_weights_that_are_no_numbers_are_named(build, value, dtype, constant):
    weight = np.ones((3, 3, 1, 1), dtype)
    weight[1, 2] = value
    kind = np.dtype(dtype).name.removesuffix("32")
    model = build(f"net ({kind}[n,3,h,w] x) => ({kind}[n,c,H,W] y) {{ y = Conv (x, gain) }}", gain=weight)
    if constant:
        model.graph.node.insert(0, helper.make_node("Constant", [], ["gain"], value=model.graph.initializer.pop()))
    error = check(model)
    assert error.where == "gain" and ("NaN" if np.isnan(value) else "infinity") in str(error)


def test_bounds_may_be_infinite_but_not_nan(build):
    text = f"{NET} {{ y = Clip (x, low, high) }}"
    assert import_model(build(text, low=np.float32(0), high=np.float32(np.inf)))
    assert check(build(text, low=np.float32(np.nan), high=np.float32(1))).where == "low"


def test_operators_of_other_domains_are_named(build):
    model = build(f"{NET} {{ y = Relu(x) }}")
    model.graph.node[0].domain, model.graph.node[0].op_type = "com.microsoft", "CropAndResize"
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    error = check(model)
    assert "com.microsoft:CropAndResize" in str(error) and error.hint


def test_control_flow_is_named(build):
    made = [helper.make_value_info("z", helper.make_tensor_type_proto(1, None))]
    then, otherwise = (helper.make_graph([helper.make_node(op, ["x"], ["z"])], op, [], made) for op in ("Neg", "Abs"))
    text = f"{NET} {{ m = ReduceMean <keepdims=0> (x) flag = Greater(m, half) y = Relu(x) }}"
    model = build(text, half=np.float32(0.5))
    model.graph.node[2].CopyFrom(
        helper.make_node("If", ["flag"], ["y"], "choose", then_branch=then, else_branch=otherwise)
    )
    assert "If 'choose'" in str(check(model))


def test_a_network_without_a_prunable_layer_is_told_why(build):
    with pytest.raises(ModelError, match="3 input channels"):
        prunable_layers(build(f"{NET} {{ y = Conv <pads=[1,1,1,1]> (x, w) }}", w=(16, 3, 3, 3)))
    with pytest.raises(ModelError, match="no convolution"):
        prunable_layers(build(f"{NET} {{ y = Relu(x) }}"))


NO_IMAGES = [
    ("net (float[n,4,h,w] x) => (float[n,4,h,w] y) { y = Relu(x) }", "4 channels"),
    ("net (float[n,2,h,w] x) => (float[n,3,h,w] y) { y = Relu(x) }", "2 channels"),
    ("net (float[n,3] x) => (float[n,3] y) { y = Relu(x) }", "not an image batch"),
    ("net (int64[n,3] x) => (int64[n,3] y) { y = Identity(x) }", "not a floating-point"),
    ("net (float[n,3,h,w] x, float[n,3,h,w] z) => (float[n,3,h,w] y) { y = Add(x, z) }", "exactly one input"),
    ("net (float[n,3,h,w] x) => (float[n,3,h,w] y, float[n,3,h,w] z) { y = Relu(x) z = Neg(x) }", "2 outputs"),
]


@pytest.mark.parametrize(("text", "reason"), NO_IMAGES)
def test_what_is_no_image_network(build, text, reason):
    assert reason in str(check(build(text)))


EVERY_PIXEL_WITH_EVERY_OTHER = """{ r = Reshape(x, n) t = Transpose <perm=[0,2,1]> (r) a = MatMul(t, r)
  s = Softmax <axis=-1> (a) o = MatMul(r, s) z = Shape(x) y = Reshape(o, z) }"""


@pytest.mark.parametrize("size", ["h,w", "32,32"])
def test_attention_over_a_whole_photo_is_taken_at_one_size_alone(build, size):
    text = f"net (float[1,3,{size}] x) => (float[1,3,{size}] y) {EVERY_PIXEL_WITH_EVERY_OTHER}"
    model = build(text, n=np.array([0, 3, -1]))
    if size != "h,w":
        assert import_model(model)
        return
    error = check(model)
    assert error.where == "MatMul making 'a'" and "square of the photo" in error.why and "64x64" in error.hint


def test_a_network_that_makes_no_numbers_of_noise(build):
    text = f"{NET} {{ e = Exp(x) a = Exp(e) b = Exp(a) c = Exp(b) d = Sub(c, c) y = Div(d, d) }}"
    assert "no number" in str(check(build(text)))

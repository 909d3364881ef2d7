"""Weights found through type changes, read as numbers, and written back."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from slsc.errors import ModelError
from slsc.passes import verify
from slsc.passes.weights import Weights, weight_values

NET = "net (float[n,16,h,w] x) => (float[n,K,h,w] y)"
INT8 = np.random.default_rng(0).integers(-128, 128, (24, 16, 3, 3)).astype(np.int8)
SCALES = np.linspace(0.001, 0.1, 24, dtype=np.float32)
ZEROS = np.arange(-12, 12, dtype=np.int8)

BFLOAT16 = onnx.helper.tensor_dtype_to_np_dtype(onnx.TensorProto.BFLOAT16)

FORMS = {
    "float32": ("y = Conv(x, w)", {"w": (24, 16, 3, 3)}),
    "identity": ("i = Identity(w) y = Conv(x, i)", {"w": (24, 16, 3, 3)}),
    "float16": ("c = Cast <to=1> (w) y = Conv(x, c)", {"w": INT8.astype(np.float16) / 100}),
    "bfloat16": ("c = Cast <to=1> (w) y = Conv(x, c)", {"w": (INT8 / 100).astype(BFLOAT16)}),
    "per tensor": ("d = DequantizeLinear(w, s) y = Conv(x, d)", {"w": INT8, "s": np.float32(0.01)}),
    "per output": ("d = DequantizeLinear <axis=0> (w, s, z) y = Conv(x, d)", {"w": INT8, "s": SCALES, "z": ZEROS}),
    "per input": (
        "d = DequantizeLinear <axis=-3> (w, s, z) y = Conv(x, d)",
        {"w": INT8, "s": SCALES[:16], "z": ZEROS[:16]},
    ),
    "unsigned": (
        "d = DequantizeLinear(w, s, z) y = Conv(x, d)",
        {"w": (INT8.astype(int) + 128).astype(np.uint8), "s": np.float32(0.01), "z": np.uint8(131)},
    ),
    "rounded in the graph": (
        "q = QuantizeLinear <axis=0> (w, s, z) d = DequantizeLinear <axis=0> (q, s, z) y = Conv(x, d)",
        {"w": (24, 16, 3, 3), "s": SCALES, "z": ZEROS},
    ),
}


@pytest.fixture(params=FORMS)
def model(request, build) -> onnx.ModelProto:
    body, values = FORMS[request.param]
    return build(f"{NET} {{ {body} }}", **values)


def weight_of(model):
    return Weights(model).weight_of(model.graph.node[-1].input[1])


def with_stored(model, array) -> onnx.ModelProto:
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    changed.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(array, "w"))
    return changed


def as_read(model) -> np.ndarray:
    """The weight that ONNX Runtime convolves with."""
    if len(model.graph.node) == 1:
        return weight_values(model)["w"]
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    del changed.graph.node[-1], changed.graph.input[:], changed.graph.output[:]
    changed.graph.output.append(onnx.helper.make_tensor_value_info(model.graph.node[-1].input[1], 1, None))
    return verify.session(changed).run(None, {})[0]


def test_a_weight_is_its_initializer_and_its_numbers_are_those_the_network_computes_with(model):
    weights, tensor = Weights(model), model.graph.node[-1].input[1]
    assert weights.source_of(tensor) == "w" and weight_of(model).name == "w"
    np.testing.assert_allclose(weights.computed(tensor), as_read(model), rtol=1e-6, atol=0)
    np.testing.assert_array_equal(weight_values(model)["w"], weight_of(model).values)


def test_what_did_not_change_is_stored_as_it_was(model):
    weight = weight_of(model)
    assert weight.restored(weight.values).tobytes() == weight.stored.tobytes()


def test_zeros_stay_zeros(model):
    """A mask can be applied exactly, whatever the zero point."""
    weight = weight_of(model)
    mask = np.random.default_rng(1).random(weight.stored.shape) < 0.5
    written = with_stored(model, weight.restored(np.where(mask, weight.values, 0)))
    read = as_read(written)
    assert not read[~mask].any()
    np.testing.assert_array_equal(read[mask], as_read(model)[mask])
    np.testing.assert_array_equal(weight_of(written).values != 0, (weight.values != 0) & mask)


def test_integers_are_rounded_to_and_saturate(build):
    body, values = FORMS["per output"]
    weight = weight_of(build(f"{NET} {{ {body} }}", **values))
    scale = SCALES[:, None, None, None]
    near = weight.restored(weight.values + 0.4 * scale)
    np.testing.assert_array_equal(near, weight.stored)
    largest = weight.restored(np.full(weight.stored.shape, 1e9, np.float32))
    assert np.all(largest == 127) and np.all(weight.restored(np.full(weight.stored.shape, -1e9)) == -128)


def test_a_channel_of_scale_0_stays_0(build):
    body = "d = DequantizeLinear <axis=0> (w, s) y = Conv(x, d)"
    scales = np.where(np.arange(24) == 5, 0, SCALES).astype(np.float32)
    weight = weight_of(build(f"{NET} {{ {body} }}", w=INT8, s=scales))
    assert np.array_equal(weight.restored(weight.values), INT8) and not weight.values[5].any()
    assert not weight.restored(weight.values + 1)[5].any()


def test_numbers_of_half_precision_scales_are_read_as_float32(build):
    text = "net (float16[n,16,h,w] x) => (float16[n,K,h,w] y) { d = DequantizeLinear(w, s) y = Conv(x, d) }"
    weight = weight_of(build(text, opset=21, ir_version=10, w=INT8, s=np.float16(0.01)))
    assert weight.values.dtype == np.float32
    np.testing.assert_array_equal(weight.restored(weight.values * (INT8 > 0)), INT8 * (INT8 > 0))


@pytest.mark.parametrize(
    "body",
    [
        "n = Neg(w) y = Conv(x, n)",
        "t = Transpose <perm=[0,1,3,2]> (w) y = Conv(x, t)",
        "c = Cast <to=6> (w) f = Cast <to=1> (c) y = Conv(x, f)",
        "a = Abs(s) q = QuantizeLinear(w, a) d = DequantizeLinear(q, a) y = Conv(x, d)",
    ],
)
def test_what_is_computed_is_no_weight(build, body):
    model = build(f"{NET} {{ {body} }}", w=(24, 16, 3, 3), s=np.float32(0.1))
    weights, tensor = Weights(model), model.graph.node[-1].input[1]
    assert weights.source_of(tensor) is weights.weight_of(tensor) is weights.computed(tensor) is None
    assert weights.type_changes(tensor) == []


def test_integers_that_nothing_dequantizes_are_no_weight(build):
    model = build(f"{NET} {{ c = Cast <to=1> (w) y = Conv(x, c) }}", w=INT8)
    assert Weights(model).source_of("c") is None


def test_one_weight_of_two_scales_is_refused(build):
    body = "a = DequantizeLinear(w, s) b = DequantizeLinear(w, t) c = Add(a, b) y = Conv(x, c)"
    model = build(f"{NET} {{ {body} }}", w=INT8, s=np.float32(0.1), t=np.float32(0.2))
    with pytest.raises(ModelError, match="in two ways: 'w'"):
        weight_values(model)


def test_integers_used_as_such_too_are_refused(build):
    body = "a = DequantizeLinear(w, s) b = Cast <to=1> (w) c = Add(a, b) y = Conv(x, c)"
    with pytest.raises(ModelError, match="used as integers"):
        weight_values(build(f"{NET} {{ {body} }}", w=INT8, s=np.float32(0.1)))


def test_scales_of_blocks(build):
    body = "d = DequantizeLinear <axis=1, block_size=4> (w, s) y = Conv(x, d)"
    blocks = np.random.default_rng(2).random((24, 4, 3, 3), np.float32)
    model = build(f"{NET} {{ {body} }}", opset=21, ir_version=10, w=INT8, s=blocks)
    np.testing.assert_allclose(weight_values(model)["w"], INT8 * np.repeat(blocks, 4, 1))

"""Everything constant becomes an initializer under its tensor's name."""

from __future__ import annotations

import numpy as np
import onnx

from slsc.passes.base import PassContext
from slsc.passes.graph import initializers
from slsc.passes.importing.fold import FoldConstants

NET = "net (float[n,3,h,w] x) => (float[n,c,H,W] y)"


def ops(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def test_weights_however_computed_become_initializers_under_their_tensors_names(build, proven, capsys):
    weight = np.random.default_rng(0).standard_normal((3, 3, 3, 8)).astype(np.float16)
    model = build(
        f"""{NET} {{
            single = Cast <to=1> (half)
            turned = Transpose <perm=[3,0,1,2]> (single)
            bias = Constant <value_floats=[0.0,1.0,2.0,3.0,4.0,5.0,6.0,7.0]> ()
            y = Conv <pads=[1,1,1,1]> (x, turned, bias)
        }}""",
        half=weight,
        unused=(4, 4),
    )
    result = proven(model, FoldConstants())
    held = initializers(result.model)
    assert ops(result.model) == ["Conv"] and set(held) == {"turned", "bias"}
    np.testing.assert_array_equal(held["turned"], weight.astype(np.float32).transpose(3, 0, 1, 2))
    assert capsys.readouterr().out == ""  # stdout is the command line's
    report = result.report["fold-constants"]
    assert report["new_initializers"] == ["bias", "turned"] and report["dropped_initializers"] == ["half", "unused"]


def test_scalar_constants_stay_scalars(build, proven):
    """The size of another tensor, as exporters spell it: Gather with a scalar index, Unsqueeze, Concat."""
    body = """s = Shape(x)
              two = Constant <value = int64 {2}> ()
              three = Constant <value_int = 3> ()
              h = Gather(s, two) w = Gather(s, three)
              hh = Unsqueeze(h, zero) ww = Unsqueeze(w, zero)
              size = Concat <axis=0> (outer, hh, ww)
              p = MaxPool <kernel_shape=[3,3], strides=[2,2]> (x)
              y = Resize <mode="linear"> (p, , , size)"""
    model = build(f"{NET} {{ {body} }}", zero=np.array([0]), outer=np.array([1, 3]))
    result = proven(model, FoldConstants())
    assert initializers(result.model)["two"].shape == initializers(result.model)["three"].shape == ()


def test_dead_nodes_and_initializers_listed_as_inputs_go(build, proven):
    text = """net (float[n,3,h,w] x, float[3,3,1,1] w) => (float[n,3,h,w] y) {
        y = Conv(x, w)
        dead = Relu(x)
    }"""
    result = proven(build(text, w=(3, 3, 1, 1), ir_version=3, opset=8), FoldConstants())
    assert ops(result.model) == ["Conv"] and [value.name for value in result.model.graph.input] == ["x"]


def test_half_precision_weights_stay_half(build):
    text = """net (float16[n,3,h,w] x) => (float16[n,3,h,w] y) {
        w = Constant <value = float16[3,3,1,1] {1,0,0,0,1,0,0,0,1}> ()
        y = Conv(x, w)
    }"""
    result = FoldConstants().run(build(text), PassContext())
    assert initializers(result.model)["w"].dtype == np.float16


def test_weights_keep_their_names_and_the_types_they_are_stored_in(build, proven):
    """However a convolution's weight is made a float; other constants are folded."""
    model = build(
        f"""{NET} {{
            a = Cast <to=1> (half)
            b = DequantizeLinear(integers, scale)
            q = QuantizeLinear(rounded, scale, zero)
            c = DequantizeLinear(q, scale, zero)
            bias = Cast <to=1> (halfbias)
            one = Conv(x, a, bias)
            two = ConvTranspose(one, b)
            y = Conv(two, c)
        }}""",
        half=np.ones((8, 3, 1, 1), np.float16),
        halfbias=np.ones(8, np.float16),
        integers=np.ones((8, 8, 1, 1), np.int8),
        rounded=(3, 8, 1, 1),
        scale=np.float32(0.1),
        zero=np.int8(0),
    )
    result = proven(model, FoldConstants())
    held = initializers(result.model)
    assert set(held) == {"half", "bias", "integers", "rounded", "scale", "zero"}
    assert held["half"].dtype == np.float16 and held["integers"].dtype == np.int8


def test_weights_quantized_in_blocks_become_numbers(build, proven):
    integers = np.random.default_rng(0).integers(-127, 127, (4, 8, 3, 3)).astype(np.int8)
    scale = np.random.default_rng(1).random((4, 2, 3, 3)).astype(np.float32)
    model = build(
        f"{NET} {{ a = Conv (x, v) w = DequantizeLinear <axis=1, block_size=4> (q, s) y = Conv (a, w) }}",
        opset=21,
        ir_version=10,
        v=(8, 3, 1, 1),
        q=integers,
        s=scale,
    )
    result = proven(model, FoldConstants())
    assert ops(result.model) == ["Conv", "Conv"]
    np.testing.assert_array_equal(initializers(result.model)["w"], integers * np.repeat(scale, 4, axis=1))

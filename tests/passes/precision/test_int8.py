"""8-bit integers in the graph: strongly typed, zeros kept, and computing what the rounded numbers give."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import TensorProto, numpy_helper

from slsc.metrics.psnr import psnr_to
from slsc.passes import verify
from slsc.passes.base import PassContext, PreconditionError
from slsc.passes.graph import initializers
from slsc.passes.pipeline import Pipeline
from slsc.passes.precision.half import WriteHalf
from slsc.passes.precision.int8 import Grid, Int8Types, RoundedWeight, WriteInt8
from slsc.passes.precision.types import FP16
from slsc.passes.weights import weight_values

GRAPH = """net (float[n,3,h,w] x) => (float[n,3,h,w] y) {
  a = Conv <pads=[1,1,1,1]> (x, head, c)
  b = LeakyRelu <alpha=0.1> (a)
  d = Conv <pads=[1,1,1,1]> (b, body)
  e = Conv <pads=[1,1,1,1]> (b, side, s)
  f = Add (d, e)
  g = Conv <pads=[1,1,1,1]> (f, tail)
  y = Add (x, g)
}"""
SHAPES = {"head": (16, 3, 3, 3), "c": (16,), "body": (16, 16, 3, 3), "side": (16, 16, 3, 3), "s": (16,)}


def network(opset: int = 17) -> onnx.ModelProto:
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]> {GRAPH}')
    rng = np.random.default_rng(0)
    for name, shape in {**SHAPES, "tail": (3, 16, 3, 3)}.items():
        values = (0.2 * rng.standard_normal(shape)).astype(np.float32)
        if name == "body":
            values[:, rng.random(16) < 0.5] = 0
        model.graph.initializer.append(numpy_helper.from_array(values, name))
    for index, node in enumerate(model.graph.node):
        node.name = f"{node.op_type}_{index}"
    return model


def rounded(weight: np.ndarray) -> RoundedWeight:
    scale = (np.abs(weight).max((1, 2, 3)) / 127).astype(np.float32)
    return RoundedWeight(np.rint(weight / scale.reshape(-1, 1, 1, 1)).astype(np.int8), scale)


def types(model: onnx.ModelProto, signed: bool = False) -> Int8Types:
    held = initializers(model)
    grid = Grid(0.04, 0, signed=True) if signed else Grid(0.02, 60)
    return Int8Types({"b": grid}, {name: rounded(held[name]) for name in ("body", "side")}, {"s": held["s"] + 1})


def written(model: onnx.ModelProto, wanted: Int8Types) -> onnx.ModelProto:
    result = Pipeline([WriteInt8(wanted)]).run(model, PassContext()).model
    onnx.checker.check_model(result, full_check=True)
    return result


def restored(model: onnx.ModelProto) -> np.ndarray:
    image = np.random.default_rng(1).random((1, 3, 24, 28), np.float32)
    return verify.run(verify.session(model), image)


def by_hand(model: onnx.ModelProto, wanted: Int8Types) -> onnx.ModelProto:
    """The network in float32 with the rounded weights, and `b` rounded by nodes of floats."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    values = {name: weight.values for name, weight in wanted.weights.items()} | dict(wanted.biases)
    for tensor in result.graph.initializer:
        if tensor.name in values:
            tensor.CopyFrom(numpy_helper.from_array(values[tensor.name], tensor.name))
    grid, low_high = wanted.grids["b"], wanted.grids["b"].bounds
    held = {"step": grid.scale, "low": low_high[0], "high": low_high[1]}
    held = {name: np.float32(value) for name, value in held.items()} | {"factor": wanted.factors.get("b", np.ones(1))}
    for name, value in held.items():
        shaped = np.asarray(value, np.float32).reshape((-1, 1, 1) if name == "factor" else ())
        result.graph.initializer.append(numpy_helper.from_array(shaped, name))
    for node in result.graph.node:
        if node.op_type == "Conv" and node.input[0] == "b":
            node.input[0] = "rounded"
    chain = onnx.parser.parse_graph(
        """g (float[n,c,h,w] b) => (float[n,c,h,w] rounded) {
        m = Mul (b, factor)
        t = Div (m, step)
        r = Round (t)
        u = Mul (r, step)
        rounded = Clip (u, low, high)
        }"""
    )
    nodes = [*result.graph.node[:2], *chain.node, *result.graph.node[2:]]
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del result.graph.node[:]
    result.graph.node.extend(copies)
    return result


@pytest.mark.parametrize("signed", [False, True], ids=["uint8", "int8"])
@pytest.mark.parametrize("opset", [11, 17])
def test_weights_are_integers_and_activations_go_through_one_pair_a_tensor(opset: int, signed: bool) -> None:
    model = network(opset)
    wanted = types(model, signed)
    typed = written(model, wanted)
    held = {tensor.name: tensor.data_type for tensor in typed.graph.initializer}
    assert {held["body"], held["side"]} == {TensorProto.INT8}
    assert {held["head"], held["tail"], held["s"]} == {TensorProto.FLOAT}
    quantizers = [node for node in typed.graph.node if node.op_type == "QuantizeLinear"]
    assert len(quantizers) == 1 and quantizers[0].input[0] == "b", "two convolutions read it, one pair serves them"
    assert held[quantizers[0].input[2]] == (TensorProto.INT8 if signed else TensorProto.UINT8)
    readers = {node.name: node for node in typed.graph.node if node.op_type == "Conv"}
    made = {node.output[0]: node for node in typed.graph.node}
    assert [made[name].op_type for name in readers["Conv_2"].input[:2]] == ["DequantizeLinear"] * 2
    assert readers["Conv_0"].input[0] == "x" and made[readers["Conv_5"].input[0]].op_type == "Add"


def test_what_was_zero_is_zero_and_the_rest_is_what_was_given() -> None:
    model = network()
    wanted = types(model)
    values, before = weight_values(written(model, wanted)), initializers(model)
    assert not values["body"][before["body"] == 0].any()
    np.testing.assert_array_equal(values["body"], wanted.weights["body"].values)
    np.testing.assert_array_equal(values["s"], before["s"] + 1)


@pytest.mark.parametrize("signed", [False, True], ids=["uint8", "int8"])
@pytest.mark.parametrize("factors", [False, True], ids=["plain", "factors"])
def test_onnx_runtime_computes_what_the_rounded_numbers_give(signed: bool, factors: bool) -> None:
    model = network()
    wanted = types(model, signed)
    if factors:
        wanted = replace(wanted, factors={"b": np.linspace(0.5, 2, 16, dtype=np.float32)})
    typed, expected = restored(written(model, wanted)), restored(by_hand(model, wanted))
    assert psnr_to(expected, typed) > 55, "a few roundings may fall to the other side"
    assert psnr_to(restored(model), typed) < 50, "it does round"


def test_names_in_use_are_not_taken_again() -> None:
    model = network()
    for node in model.graph.node:
        node.output[:] = ["b.int8" if name == "d" else name for name in node.output]
        node.input[:] = ["b.int8" if name == "d" else name for name in node.input]
    wanted = types(model)
    assert psnr_to(restored(written(network(), wanted)), restored(written(model, wanted))) > 100


def test_other_layers_may_then_be_of_16_bits() -> None:
    model = network()
    typed = written(model, types(model))
    keep = [node.name for node in typed.graph.node if node.name != "Conv_5"]
    both = Pipeline([WriteHalf(FP16, keep)]).run(typed, PassContext()).model
    onnx.checker.check_model(both, full_check=True)
    held = {tensor.name: tensor.data_type for tensor in both.graph.initializer}
    assert (held["tail"], held["body"], held["head"]) == (TensorProto.FLOAT16, TensorProto.INT8, TensorProto.FLOAT)
    assert psnr_to(restored(typed), restored(both)) > 55


def test_a_network_is_typed_once() -> None:
    model = network()
    wanted = types(model)
    with pytest.raises(PreconditionError, match="typed already"):
        written(written(model, wanted), wanted)


@pytest.mark.parametrize(
    "change",
    [
        {"grids": {"b": Grid(0.0, 0)}},
        {"grids": {"b": Grid(float("nan"), 0)}},
        {"grids": {"b": Grid(0.1, 3, signed=True)}},
        {"weights": {"nowhere": RoundedWeight(np.zeros((1, 1, 1, 1), np.int8), np.ones(1, np.float32))}},
        {"weights": {"body": RoundedWeight(np.full((16, 16, 3, 3), -128, np.int8), np.ones(16, np.float32))}},
        {"factors": {"b": np.zeros(16, np.float32)}},
    ],
)
def test_what_cannot_be_written_is_refused(change: dict) -> None:
    model = network()
    with pytest.raises(PreconditionError):
        written(model, replace(types(model), **change))

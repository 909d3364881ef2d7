"""16-bit types in the graph: every node in its type, weights under their names, and the function within rounding."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import TensorProto, numpy_helper

from slsc.errors import ModelError
from slsc.metrics.psnr import psnr_to
from slsc.passes import verify
from slsc.passes.base import PassContext, PreconditionError
from slsc.passes.graph import opset
from slsc.passes.importing.import_model import import_model
from slsc.passes.pipeline import Pipeline
from slsc.passes.precision.emulate import emulated
from slsc.passes.precision.half import WriteHalf
from slsc.passes.precision.types import BF16, FP16, HALVES, FloatType
from slsc.zoo.export import to_onnx
from slsc.zoo.registry import MODELS

ROUNDING = {"fp16": 2.0**-11, "bf16": 2.0**-8}

GRAPH = """net (float[n,3,h,w] x) => (float[n,3,h2,w2] y) {
  a = Conv <pads=[1,1,1,1]> (x, head)
  b = LeakyRelu <alpha=0.1> (a)
  size = Shape (x)
  c = Conv <pads=[1,1,1,1], strides=[2,2]> (b, down)
  d = Resize <mode="linear"> (c, , scales)
  e = Sigmoid (d)
  f = Conv <pads=[1,1,1,1]> (e, tail)
  g = DepthToSpace <blocksize=2, mode="CRD"> (f)
  up = Resize <mode="nearest"> (x, , scales)
  y = Add (g, up)
}"""


def network(spread: float = 0.2) -> onnx.ModelProto:
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {GRAPH}')
    rng = np.random.default_rng(0)
    shapes = {"head": (8, 3, 3, 3), "down": (8, 8, 3, 3), "tail": (12, 8, 3, 3)}
    for name, shape in shapes.items():
        values = (spread * rng.standard_normal(shape)).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(values, name))
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales"))
    for index, node in enumerate(model.graph.node):
        node.name = f"{node.op_type}_{index}"
    return model


def typed(model: onnx.ModelProto, kind: FloatType, keep: tuple[str, ...] = ()) -> onnx.ModelProto:
    result = Pipeline([WriteHalf(kind, keep)]).run(model, PassContext()).model
    onnx.checker.check_model(result, full_check=True)
    return result


def types(model: onnx.ModelProto) -> dict[str, int]:
    inferred = onnx.shape_inference.infer_shapes(model).graph
    return {value.name: value.type.tensor_type.elem_type for value in inferred.value_info}


def image(channels: int = 3, side: int = 32) -> np.ndarray:
    return np.random.default_rng(1).random((1, channels, side, side), np.float32)


@pytest.mark.parametrize("kind", HALVES.values(), ids=HALVES)
def test_everything_is_of_the_type_but_the_ends(kind: FloatType) -> None:
    model = typed(network(), kind)
    held = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    assert held == {"head": kind.onnx, "down": kind.onnx, "tail": kind.onnx, "scales": TensorProto.FLOAT}
    assert all(types(model)[name] == kind.onnx for name in "abcdefg")
    ends = [value.type.tensor_type.elem_type for value in (*model.graph.input, *model.graph.output)]
    assert ends == [TensorProto.FLOAT] * 2
    assert sum(node.op_type == "Cast" for node in model.graph.node) == 2
    assert opset(model) >= kind.opset


def test_weights_are_rounded_to_nearest() -> None:
    before = numpy_helper.to_array(network().graph.initializer[0])
    after = numpy_helper.to_array(typed(network(), FP16).graph.initializer[0])
    np.testing.assert_array_equal(after, before.astype(np.float16))


@pytest.mark.parametrize("kind", HALVES.values(), ids=HALVES)
def test_kept_nodes_stay_float32(kind: FloatType) -> None:
    model = typed(network(), kind, ("Conv_6", "Sigmoid_5"))
    held = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    assert (held["tail"], held["head"]) == (TensorProto.FLOAT, kind.onnx)
    found = types(model)
    assert (found["e"], found["f"], found["d"], found["g"]) == (TensorProto.FLOAT,) * 2 + (kind.onnx,) * 2
    exact, rounded = (verify.run(verify.session(emulated(each)), image()) for each in (network(), model))
    assert np.abs(exact - rounded).max() < 8 * ROUNDING[kind.name] * np.abs(exact).max()


def test_a_weight_used_in_two_types_is_there_twice() -> None:
    model = network()
    model.graph.node[6].input[1] = "tail"
    model.graph.node.insert(7, onnx.helper.make_node("Conv", ["e", "tail"], ["f2"], "twin", pads=[1, 1, 1, 1]))
    model.graph.node.insert(8, onnx.helper.make_node("Add", ["f", "f2"], ["f3"], "sum"))
    next(node for node in model.graph.node if node.op_type == "DepthToSpace").input[0] = "f3"
    held = {tensor.name: tensor.data_type for tensor in typed(model, FP16, ("twin",)).graph.initializer}
    assert (held["tail"], held["tail.fp16"]) == (TensorProto.FLOAT, TensorProto.FLOAT16)


def test_too_large_for_fp16() -> None:
    model = network()
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(np.full((8, 8, 3, 3), 1e5, np.float32), "down"))
    with pytest.raises(ModelError, match=r"'down'.*does not fit into fp16.*bf16"):
        WriteHalf(FP16).run(model, PassContext())
    typed(model, BF16)


def test_typed_once() -> None:
    with pytest.raises(PreconditionError, match="typed already"):
        Pipeline([WriteHalf(BF16)]).run(typed(network(), FP16), PassContext())


def test_onnx_runtime_runs_fp16_as_it_is_emulated() -> None:
    model = typed(network(), FP16)
    found, expected = (verify.run(verify.session(each), image()) for each in (model, emulated(model)))
    assert psnr_to(expected, found) > 70


@pytest.mark.parametrize("kind", HALVES.values(), ids=HALVES)
def test_emulation_rounds(kind: FloatType) -> None:
    """Every tensor of the type holds numbers of the type, so that emulating changes nothing but rounding."""
    model = emulated(typed(network(), kind))
    assert {tensor.data_type for tensor in model.graph.initializer} == {TensorProto.FLOAT}
    exact, rounded = (verify.run(verify.session(each), image()) for each in (network(), model))
    error = np.abs(exact - rounded).max() / np.abs(exact).max()
    assert ROUNDING[kind.name] / 16 < error < 8 * ROUNDING[kind.name]


@pytest.mark.parametrize("kind", HALVES.values(), ids=HALVES)
@pytest.mark.parametrize("name", ["imdn_x4", "dncnn_gray", "unet"])
def test_networks_of_the_zoo(name: str, kind: FloatType) -> None:
    model = import_model(to_onnx(MODELS[name].build())).model
    rounded = typed(model, kind)
    batch = image(1 if name == "dncnn_gray" else 3)
    exact, found = (verify.run(verify.session(each), batch) for each in (model, emulated(rounded)))
    assert psnr_to(exact, found) > {"fp16": 55, "bf16": 38}[kind.name]

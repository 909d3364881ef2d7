"""Convolutions that read rounded numbers in a float32 network: which, what is rounded, and that all backends agree."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import numpy_helper

from slsc.metrics.psnr import psnr_to
from slsc.passes.base import PassContext, PostconditionError, PreconditionError
from slsc.passes.graph import initializers, opset, set_initializer
from slsc.passes.lowering import lower
from slsc.passes.lowering.nmp import PlanFile
from slsc.passes.lowering.nmp_ops import HalfConv
from slsc.passes.pipeline import Pipeline
from slsc.passes.precision.emulate import convolutions_in, emulated
from slsc.passes.precision.rounded import RoundToBf16
from slsc.passes.precision.types import BF16
from slsc.passes.verify import run, session
from slsc.runtime.backends.library import library_path
from slsc.runtime.backends.native_backend import NativeBackend

GRAPH = """net (float[n,3,h,w] x) => (float[n,3,h,w] y) {
  a = Conv <pads=[1,1,1,1]> (x, head)
  b = LeakyRelu <alpha=0.1> (a)
  c = Conv <pads=[1,1,1,1]> (b, left)
  d = Conv <pads=[1,1,1,1]> (b, right)
  e = Add (c, d)
  y = Conv <pads=[1,1,1,1]> (e, tail)
}"""
SHAPES = {"head": (16, 3, 3, 3), "left": (16, 16, 3, 3), "right": (16, 16, 3, 3), "tail": (3, 16, 3, 3)}


def network(operators: int = 17) -> onnx.ModelProto:
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {operators}]> {GRAPH}')
    rng = np.random.default_rng(0)
    for name, shape in SHAPES.items():
        values = (0.1 * rng.standard_normal(shape)).astype(np.float32)
        values[:, ::2, 1] = 0
        model.graph.initializer.append(numpy_helper.from_array(values, name))
    for node in model.graph.node:
        node.name = f"make {node.output[0]}"
    return model


def rounded(model: onnx.ModelProto, *made: str) -> onnx.ModelProto:
    result = Pipeline([RoundToBf16([f"make {name}" for name in made])]).run(model, PassContext()).model
    onnx.checker.check_model(result, full_check=True)
    return result


def image() -> np.ndarray:
    return np.random.default_rng(1).random((1, 3, 24, 40), np.float32)


def bf16(values: np.ndarray) -> np.ndarray:
    return values.astype(onnx.helper.tensor_dtype_to_np_dtype(BF16.onnx)).astype(np.float32)


def test_the_chosen_ones_read_rounded_numbers_and_share_what_rounds() -> None:
    model = rounded(network(), "c", "d")
    assert [node.op_type for node in model.graph.node].count("Cast") == 2
    assert convolutions_in(BF16, model) == {"c", "d"}
    before, after = initializers(network()), initializers(model)
    for name in SHAPES:
        kept = name in ("head", "tail")
        np.testing.assert_array_equal(after[name], before[name] if kept else bf16(before[name]))
        np.testing.assert_array_equal(after[name] == 0, before[name] == 0)


def test_what_a_convolution_has_made_is_rounded_for_all_that_read_it_and_the_image_is_not() -> None:
    model = network()
    added = (
        onnx.helper.make_node("Add", ["e", "b"], ["f"], "add b"),
        onnx.helper.make_node("Add", ["x", "z"], ["y"], "add x"),
    )
    model.graph.node[5].input[0], model.graph.node[5].output[0] = "f", "z"
    model.graph.node.insert(5, added[0])
    model.graph.node.append(added[1])
    result = rounded(model, "a", "c", "d")
    reads = {node.name: list(node.input) for node in result.graph.node}
    assert reads["make a"][0] == "x.rounded" and reads["add x"] == ["x", "z"]
    assert reads["add b"] == ["e", "b.rounded"]
    assert [node.op_type for node in result.graph.node].count("Cast") == 4


def test_onnx_runtime_rounds_as_is_written() -> None:
    model = rounded(network(), "c")
    inner = onnx.shape_inference.infer_shapes(model)
    for name in ("b", "b.rounded"):
        inner.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    outputs = session(inner).run(["b", "b.rounded"], {"x": image()})
    np.testing.assert_array_equal(outputs[1], bf16(outputs[0]))
    assert (outputs[0] != outputs[1]).any()


def test_emulating_changes_nothing() -> None:
    model = rounded(network(), "c", "d")
    np.testing.assert_array_equal(*(run(session(each), image()) for each in (model, emulated(model))))


@pytest.mark.skipif(library_path() is None, reason="the native library was not built")
def test_the_native_engine_computes_them_in_bfloat16_where_that_pays() -> None:
    model = rounded(network(), "c", "d")
    plan = lower(model, None)
    assert sum(isinstance(op.params, HalfConv) for op in PlanFile.from_bytes(plan).ops) == 2
    backend = NativeBackend(1)
    try:
        found = backend.load(plan).run(image())
    finally:
        backend.close()
    assert psnr_to(run(session(model), image()), found) > 80
    assert psnr_to(run(session(network()), image()), found) < 75


def test_weights_that_are_not_rounded_are_of_no_bfloat16_convolution() -> None:
    model = rounded(network(), "c", "d")
    set_initializer(model, "left", initializers(network())["left"])
    assert convolutions_in(BF16, model) == {"d"}
    with pytest.raises(PostconditionError, match="make c"):
        RoundToBf16(["make c"]).ensures(model, PassContext())


def test_an_old_operator_set_is_raised() -> None:
    model = rounded(network(11), "c")
    assert opset(model) == 13
    run(session(model), image())


@pytest.mark.parametrize("node", ["make b", "make y"])
def test_what_is_no_float32_convolution_is_refused(node: str) -> None:
    model = network()
    tail = initializers(model)["tail"].astype(np.float16)
    model.graph.initializer[3].CopyFrom(numpy_helper.from_array(tail, "half"))
    model.graph.node.insert(5, onnx.helper.make_node("Cast", ["half"], ["tail"], to=1))
    with pytest.raises(PreconditionError, match=node):
        Pipeline([RoundToBf16([node])]).run(model, PassContext())

"""Graphs as ONNX Runtime saves them once it has optimized them are taken, and computed as before."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from slsc.passes import verify
from slsc.passes.importing.fused_operators import DOMAIN
from slsc.passes.importing.import_model import import_model


def fused(build, body: str, node: onnx.NodeProto, **values) -> onnx.ModelProto:
    """A network of `body`, in which `node` takes the place of the one that makes the same."""
    model = build(f"net (float[1,3,16,16] x) => (float[1,3,16,16] y) {{ {body} }}", **values)
    place = next(index for index, each in enumerate(model.graph.node) if each.output[0] == node.output[0])
    model.graph.node[place].CopyFrom(node)
    model.graph.node[place].domain = DOMAIN
    model.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    return model


def plain_and_same(model: onnx.ModelProto, image: np.ndarray) -> onnx.ModelProto:
    imported = import_model(model).model
    assert {node.domain for node in imported.graph.node} == {""}
    assert verify.compare(model, imported, [image]).relative < 1e-5
    return imported


@pytest.mark.parametrize(
    ("activation", "parameters"),
    [("", []), ("Relu", []), ("LeakyRelu", [0.2]), ("Clip", [0.0, 0.5]), ("HardSigmoid", [0.3, 0.4]), ("Tanh", [])],
)
@pytest.mark.parametrize("added", [[], ["x"]])
def test_a_convolution_with_what_comes_after_it(build, image, activation, parameters, added):
    attributes = {"activation": activation} if activation else {}
    attributes |= {"activation_params": parameters} if parameters else {}
    node = helper.make_node("FusedConv", ["x", "w", "b", *added], ["a"], pads=[1, 1, 1, 1], **attributes)
    body = "a = Conv <pads=[1,1,1,1]> (x, w, b) y = Conv(a, v)"
    model = fused(build, body, node, w=(3, 3, 3, 3), b=(3,), v=(3, 3, 1, 1))
    imported = plain_and_same(model, image(16, 16))
    assert sum(node.op_type == "Conv" for node in imported.graph.node) == 2


@pytest.mark.parametrize(
    ("kind", "more", "attributes"),
    [
        ("Gelu", [], {}),
        ("BiasGelu", ["b"], {}),
        ("FastGelu", [], {}),
        ("FastGelu", ["b"], {}),
        ("QuickGelu", [], {"alpha": 1.5}),
    ],
)
def test_gelus(build, image, kind, more, attributes):
    node = helper.make_node(kind, ["t", *more], ["g"], **attributes)
    body = """t = Transpose <perm=[0,2,3,1]> (x) g = Relu(t) u = Transpose <perm=[0,3,1,2]> (g)
        y = Conv <pads=[1,1,1,1]> (u, w)"""
    plain_and_same(fused(build, body, node, w=(3, 3, 3, 3), b=(3,)), image(16, 16))


@pytest.mark.parametrize("attributes", [{"alpha": 0.5}, {"transB": 1}, {"transA": 1, "transB": 1, "alpha": 2.0}])
def test_products_of_transposed_matrices(build, image, attributes):
    node = helper.make_node("FusedMatMul", ["x", "x"], ["m"], **attributes)
    body = "m = MatMul(x, x) y = Conv <pads=[1,1,1,1]> (m, w)"
    plain_and_same(fused(build, body, node, w=(3, 3, 3, 3)), image(16, 16))


def test_what_onnx_runtime_saves(build, image, tmp_path):
    text = """net (float[n,3,h,w] x) => (float[n,3,h,w] y) {
        a = Conv <pads=[1,1,1,1]> (x, w, b) r = Relu(a) c = Conv <pads=[1,1,1,1]> (r, v) l = LeakyRelu <alpha=0.1> (c)
        y = Add(x, l) }"""
    model = build(text, w=(8, 3, 3, 3), b=(8,), v=(3, 8, 3, 3))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    saved = onnx.load(tmp_path / "optimized.onnx")
    assert "FusedConv" in {node.op_type for node in saved.graph.node}
    imported = plain_and_same(saved, image(16, 16))
    assert verify.compare(model, imported, [image(20, 24)]).relative < 1e-5

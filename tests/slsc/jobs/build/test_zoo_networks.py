"""Every network of the zoo becomes an engine, without a GPU, and no layer is lost or retyped on the way."""

from __future__ import annotations

from collections import Counter

import onnx
import pytest

from slsc.onnx_torch import OnnxModule
from slsc.passes.base import PassContext
from slsc.passes.precision.half import WriteHalf
from slsc.passes.precision.int8 import Grid, Int8Types, WriteInt8
from slsc.passes.precision.rounded import RoundToBf16
from slsc.passes.precision.types import FP16
from slsc.quantize.layers import quantizable
from slsc.quantize.rounding import nearest
from slsc.runtime.backends.tensorrt.build import Shapes, build_engine
from slsc.runtime.backends.tensorrt.flavour import RTX
from slsc.search.layers import layers_of
from slsc.zoo.export import to_onnx
from slsc.zoo.registry import MODELS

pytestmark = pytest.mark.skipif(RTX.missing() is not None, reason=f"needs TensorRT-RTX: {RTX.missing()}")

SHAPES = Shapes(least=(16, 16), best=(64, 64), most=(128, 128))
CONVOLUTIONS = {"Conv": "CONVOLUTION", "ConvTranspose": "DECONVOLUTION"}


@pytest.mark.parametrize("name", MODELS)
def test_it_builds(name: str) -> None:
    model = to_onnx(MODELS[name].build())
    require_same_layers(model, "FLOAT")
    require_same_layers(WriteHalf(FP16).run(model, PassContext()).model, "HALF")
    convolutions = [node.name for node in model.graph.node if node.op_type == "Conv"]
    require_same_layers(RoundToBf16(convolutions).run(model, PassContext()).model, "FLOAT")
    require_same_layers(in_integers(model), "FLOAT")  # what they put out; TensorRT fuses them with the quantizers


def in_integers(model: onnx.ModelProto) -> onnx.ModelProto:
    """In int8 with zero points 0, by scales of no meaning."""
    module = OnnxModule(model)
    chosen = quantizable(module, model)
    layers = layers_of(module)
    grids = {use.step.inputs[0]: Grid(0.05, 0, signed=True) for name in chosen for use in layers[name].uses}
    weights = {name: nearest(module.parameter(name).detach().numpy()) for name in chosen}
    assert chosen
    return WriteInt8(Int8Types(grids, weights, {})).run(model, PassContext()).model


def require_same_layers(model: onnx.ModelProto, kind: str) -> None:
    built = build_engine(RTX, model.SerializeToString(), SHAPES, "sm86")
    wanted = [(node.name, CONVOLUTIONS[node.op_type]) for node in model.graph.node if node.op_type in CONVOLUTIONS]
    layers = [layer for layer in built.layers if layer.kind in CONVOLUTIONS.values()]
    assert [(layer.name, layer.kind) for layer in layers] == wanted
    assert {layer.type for layer in layers} == {kind}
    kinds = Counter(layer.kind for layer in built.layers)
    nodes = Counter(node.op_type for node in model.graph.node)
    assert kinds["QUANTIZE"] == nodes["QuantizeLinear"] and kinds["DEQUANTIZE"] == nodes["DequantizeLinear"]
    assert built.data

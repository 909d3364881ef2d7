"""Every network of the zoo becomes an engine, without a GPU, and no layer is lost or retyped on the way."""

from __future__ import annotations

import onnx
import pytest

from slsc.passes.base import PassContext
from slsc.passes.precision.half import WriteHalf
from slsc.passes.precision.types import FP16
from slsc.runtime.backends.tensorrt.build import Shapes, build_engine
from slsc.runtime.backends.tensorrt.flavour import RTX
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


def require_same_layers(model: onnx.ModelProto, kind: str) -> None:
    built = build_engine(RTX, model.SerializeToString(), SHAPES, "sm86")
    wanted = [(node.name, CONVOLUTIONS[node.op_type]) for node in model.graph.node if node.op_type in CONVOLUTIONS]
    layers = [layer for layer in built.layers if layer.kind in CONVOLUTIONS.values()]
    assert [(layer.name, layer.kind) for layer in layers] == wanted
    assert {layer.type for layer in layers} == {kind}
    assert built.data

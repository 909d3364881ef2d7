"""TensorRT itself needs a GPU to build, and its package needs NVIDIA's index: no release of it is run here.

What it shares with TensorRT-RTX is tried on that one under TensorRT's name and versions, by which Polygraphy decides
what to call.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from slsc.runtime.backends.tensorrt.device import Device, find_device
from slsc.runtime.backends.tensorrt.flavour import RTX, TENSORRT

pytestmark = pytest.mark.skipif(
    RTX.missing() is not None or TENSORRT.missing() is None or isinstance(find_device(), Device),
    reason="needs TensorRT-RTX, and neither TensorRT nor a GPU",
)

PROGRAM = """
import sys, types
import onnx
import tensorrt_rtx
from onnx import TensorProto, helper

tensorrt = types.ModuleType("tensorrt")
tensorrt.__dict__.update({name: getattr(tensorrt_rtx, name) for name in dir(tensorrt_rtx) if name[:2] != "__"})
tensorrt.__version__ = sys.argv[1]
sys.modules["tensorrt"] = tensorrt

from slsc.errors import BackendError
from slsc.runtime.backends.tensorrt.build import Shapes, build_engine
from slsc.runtime.backends.tensorrt.flavour import RTX, TENSORRT

ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, "h", "w"]) for name in "xy"]
graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", ends[:1], ends[1:])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
print(TENSORRT.version)
for flavour in (TENSORRT, RTX):
    try:
        built = build_engine(flavour, model.SerializeToString(), Shapes())
        print(len(built.data), *built.layers)
    except BackendError as error:
        print(error)
"""


@pytest.mark.parametrize("version", ["10.3.0", "10.16.2.10", "11.4.0.106"])
def test_it_builds_by_the_same_calls(version: str) -> None:
    words = [sys.executable, "-c", PROGRAM, version]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
    named, built, other = done.stdout.splitlines()
    assert named == version
    assert "kind='ACTIVATION', type='FLOAT'" in built
    assert "cannot be used in this process" in other, "Polygraphy takes one library a process"

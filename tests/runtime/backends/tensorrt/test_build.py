"""Engines built by TensorRT-RTX for GPUs that are not here."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from slsc.errors import BackendError, UsageError
from slsc.runtime.backends.tensorrt.build import Shapes, build_engine
from slsc.runtime.backends.tensorrt.device import Device, find_device
from slsc.runtime.backends.tensorrt.flavour import RTX, TENSORRT

ARCHS = ("sm80", "sm86", "sm89")
SHAPES = Shapes(best=(64, 64), most=(64, 64))

rtx = pytest.mark.skipif(RTX.missing() is not None, reason=f"needs TensorRT-RTX: {RTX.missing()}")


def network(kind: int = TensorProto.FLOAT, op: str = "Relu", fixed: bool = False) -> bytes:
    """Two convolutions of 32 channels, typed."""
    rng = np.random.default_rng(0)
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    weights = [
        numpy_helper.from_array(rng.standard_normal(shape).astype(dtype), name)
        for name, shape in (("head", (32, 3, 3, 3)), ("tail", (3, 32, 3, 3)))
    ]
    nodes = [
        helper.make_node("Conv", ["image", "head"], ["a"], "first", pads=[1, 1, 1, 1]),
        helper.make_node(op, ["a"], ["b"], "middle"),
        helper.make_node("Conv", ["b", "tail"], ["restored"], "last", pads=[1, 1, 1, 1]),
    ]
    sides = [24, 40] if fixed else ["h", "w"]
    ends = [helper.make_tensor_value_info(name, kind, [1, 3, *sides]) for name in ("image", "restored")]
    graph = helper.make_graph(nodes, "typed", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


@rtx
@pytest.mark.parametrize("arch", ARCHS)
def test_layers_are_those_of_the_file(arch: str) -> None:
    built = build_engine(RTX, network(), SHAPES, arch)
    assert len(built.data) > 1000
    assert [(layer.name, layer.kind) for layer in built.layers] == [
        ("first", "CONVOLUTION"), ("middle", "ACTIVATION"), ("last", "CONVOLUTION"),
    ]  # fmt: skip
    assert built.types() == {"FLOAT": 2}
    assert built.log.errors == built.log.dropped == ()


@rtx
@pytest.mark.parametrize(("kind", "name"), [(TensorProto.FLOAT16, "HALF"), (TensorProto.BFLOAT16, "BF16")])
def test_types_are_those_of_the_file(kind: int, name: str) -> None:
    assert build_engine(RTX, network(kind), SHAPES, "sm86").types() == {name: 2}


@rtx
def test_a_network_of_one_size() -> None:
    assert build_engine(RTX, network(fixed=True), SHAPES, "sm86").data


@rtx
def test_what_it_cannot_read_is_named() -> None:
    with pytest.raises(BackendError, match=r"NoSuchOperation 'middle'.*cannot read the network") as refusal:
        build_engine(RTX, network(op="NoSuchOperation"), SHAPES, "sm86")
    assert refusal.value.exit_code == 4


@rtx
def test_no_file_of_no_model() -> None:
    with pytest.raises(BackendError, match=r"cannot read the network|not to be built"):
        build_engine(RTX, b"\x00\x01no model", SHAPES, "sm86")


@rtx
def test_external_data_are_not_followed() -> None:
    model = onnx.load_from_string(network())
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="w.bin")
    with pytest.raises(BackendError, match="not to be built"):
        build_engine(RTX, model.SerializeToString(), SHAPES, "sm86")


@rtx
@pytest.mark.skipif(isinstance(find_device(), Device), reason="a GPU is there")
def test_without_a_gpu_there_is_nothing_to_build_for() -> None:
    with pytest.raises(BackendError) as refusal:
        build_engine(RTX, network(), SHAPES)
    assert refusal.value.exit_code == 4


@rtx
@pytest.mark.parametrize(("text", "arch"), [("sm86", "sm86"), ("SM_86", "sm86"), ("sm120", "sm120")])
def test_spelling_of_architectures(text: str, arch: str) -> None:
    assert RTX.require_arch(text) == arch


@rtx
@pytest.mark.parametrize("text", ["sm87", "sm8", "86", "", "sm80;rm", "hopper"])
def test_unknown_architectures(text: str) -> None:
    with pytest.raises(UsageError) as refusal:
        RTX.require_arch(text)
    assert ("--backend tensorrt" in str(refusal.value)) == (text == "sm87"), "Jetson Orin is no target of it"


@pytest.mark.skipif(TENSORRT.missing() is None, reason="TensorRT is installed")
def test_missing_tensorrt_says_what_to_install() -> None:
    with pytest.raises(BackendError, match=r"slsc\[tensorrt\]") as refusal:
        TENSORRT.load()
    assert refusal.value.exit_code == 4

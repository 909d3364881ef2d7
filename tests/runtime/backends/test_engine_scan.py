"""What is found in an engine's bytes without the onnx package."""

from __future__ import annotations

import onnx
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from slsc.runtime.backends.engine_scan import reason_to_refuse


def network(place: str, external: bool) -> onnx.ModelProto:
    """A 1x1 convolution, its weight held where ONNX can hold a tensor."""
    image, restored = (helper.make_tensor_value_info(name, 1, ["n", 3, "h", "w"]) for name in ("x", "y"))
    weight = onnx.TensorProto(dims=[3, 3, 1, 1], data_type=1, name="w")
    if external:
        weight.data_location = onnx.TensorProto.EXTERNAL
        weight.external_data.add(key="location", value="w.bin")
    else:
        weight.raw_data = bytes(36)
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[0, 0, 0, 0])
    graph = helper.make_graph([node], "net", [image], [restored])
    if place == "initializer":
        graph.initializer.append(weight)
    if place == "sparse initializer":
        graph.sparse_initializer.add(values=weight, dims=[3, 3, 1, 1])
    if place == "constant":
        graph.node.insert(0, helper.make_node("Constant", [], ["w"], value=weight))
    if place == "constants":
        graph.node[0].attribute.add(name="held", type=onnx.AttributeProto.TENSORS).tensors.append(weight)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("place", ["initializer", "sparse initializer", "constant", "constants"])
def test_weights_in_another_file_are_found_wherever_they_are_named(place: str) -> None:
    assert reason_to_refuse(network(place, external=False).SerializeToString()) is None
    assert reason_to_refuse(network(place, external=True).SerializeToString()) == "it keeps weights in another file"


@pytest.mark.parametrize("several", [False, True])
def test_subgraphs_are_control_flow(several: bool) -> None:
    model = network("initializer", external=False)
    held = model.graph.node[0].attribute.add(name="body")
    (held.graphs.add() if several else held.g).name = "body"
    assert reason_to_refuse(model.SerializeToString()) == "it holds control flow"


def test_functions_are_found_even_where_nothing_calls_them() -> None:
    model = network("initializer", external=False)
    model.functions.append(helper.make_function("f", "Block", ["a"], ["b"], [], []))
    assert reason_to_refuse(model.SerializeToString()) == "it brings functions along"


@pytest.mark.parametrize(
    ("field", "why"),
    [(b"\x0b\x0c", "wire type 3"), (b"\xff" * 11, "does not end"), (b"\x3a\x05a", "beyond its message"),
     (b"\xba\x80\x80\x80\x80\x01\x00", "field of wire type 2")],
)  # fmt: skip
def test_an_encoding_that_readers_may_understand_differently_is_refused(field: bytes, why: str) -> None:
    sound = network("initializer", external=False).SerializeToString()
    for data in (sound + field, field + sound):
        assert "no ONNX file" in (reason_to_refuse(data) or "")
    assert why in (reason_to_refuse(sound + field) or "")


def test_a_graph_in_two_parts_is_walked_as_a_whole() -> None:
    sound, bad = (network("initializer", external=external).SerializeToString() for external in (False, True))
    assert reason_to_refuse(sound + bad) and reason_to_refuse(bad + sound)


@given(st.binary(max_size=200))
def test_any_bytes_have_an_answer(data: bytes) -> None:
    assert isinstance(reason_to_refuse(data), str | None)


@settings(max_examples=300)
@given(st.data())
def test_what_onnx_reads_out_of_damaged_bytes_is_found_in_them(data: st.DataObject) -> None:
    content = bytearray(network("initializer", external=True).SerializeToString())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        model = onnx.load_from_string(bytes(content))
    except DecodeError:
        return
    if any(tensor.external_data for tensor in model.graph.initializer):
        assert reason_to_refuse(bytes(content))

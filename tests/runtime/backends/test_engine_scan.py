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


def constant_of(*operators: str) -> bytes:
    """A network with a weight of 2^40 values, or of two, that nodes make of what is stored one after the other."""
    model = network("initializer", external=False)
    model.graph.initializer.append(helper.make_tensor("n0", onnx.TensorProto.INT64, [2], [1 << 20, 1 << 20]))
    for index, operator in enumerate(operators):
        model.graph.node.insert(index, helper.make_node(operator, [f"n{index}"], [f"n{index + 1}"]))
    return model.SerializeToString()


@pytest.mark.parametrize("operators", [["ConstantOfShape"], ["Cast", "Tile"], ["Constant", "Cast", "Expand"]])
def test_constants_that_are_not_stored_are_found(operators: list[str]) -> None:
    assert reason_to_refuse(constant_of(*operators)) == "it computes a constant"
    assert reason_to_refuse(constant_of(*["Cast" for _ in operators])) is None


@pytest.mark.parametrize("operators", [("Cast", "Tile"), ("Tile", "Cast")])
def test_of_two_operators_of_a_node_the_last_counts(operators: tuple[str, str]) -> None:
    fields = [b'"\x04' + operator.encode() for operator in operators]
    node = helper.make_node("", ["n0"], ["n1"]).SerializeToString().replace(b'"\x00', b"") + b"".join(fields)
    assert onnx.NodeProto.FromString(node).op_type == operators[1]
    graph = onnx.GraphProto(initializer=[helper.make_tensor("n0", 7, [1], [1])]).SerializeToString()
    graph += b"\x0a" + bytes([len(node)]) + node
    why = reason_to_refuse(b"\x3a" + bytes([len(graph)]) + graph)
    assert why == ("it computes a constant" if operators[1] == "Tile" else None)


def test_more_nodes_than_compilation_takes_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slsc.runtime.backends.engine_scan.MAX_NODES", 2)
    assert reason_to_refuse(constant_of("Cast")) is None
    assert reason_to_refuse(constant_of("Cast", "Cast")) == "it has over 2 nodes"


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

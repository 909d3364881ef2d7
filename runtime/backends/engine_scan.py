"""What an engine's ONNX file may not hold, found in its protobuf encoding, since the runtime has no onnx package.

A network that slsc compiles is whole in itself, a fixed sequence of nodes: nothing in it loops, multiplies, names
another file, or computes what could as well be stored, which a few bytes can make as large as they like.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from slsc.runtime.backends.protobuf import fields

# Field number -> the message inside that is walked, or why the field may not be there. The numbers are those of
# onnx.proto, which ONNX never changes.
TENSOR = {13: "it keeps weights in another file"}
SPARSE_TENSOR = {1: TENSOR, 2: TENSOR}
CONTROL_FLOW = "it holds control flow"
ATTRIBUTE = {5: TENSOR, 10: TENSOR, 22: SPARSE_TENSOR, 23: SPARSE_TENSOR, 6: CONTROL_FLOW, 11: CONTROL_FLOW}
NODE = {5: ATTRIBUTE}
GRAPH = {1: NODE, 5: TENSOR, 15: SPARSE_TENSOR}
MODEL = {7: GRAPH, 25: "it brings functions along"}

MODEL_GRAPH = 7
GRAPH_NODE, GRAPH_INITIALIZER = 1, 5
NODE_INPUT, NODE_OUTPUT, NODE_OPERATOR = 1, 2, 4
TENSOR_NAME = 8

HARMLESS = (b"Constant", b"Cast", b"DequantizeLinear", b"QuantizeLinear")
"""What makes no more of what is stored: the last three are left on weights that are stored in few bits."""

MAX_NODES = 1 << 16
"""As many as compilation takes."""


def reason_to_refuse(model: bytes) -> str | None:
    """Why the bytes of an ONNX file are not to be run, None where nothing speaks against it."""
    try:
        return _walk(memoryview(model), MODEL) or _computed_constant(memoryview(model))
    except ValueError as error:
        return f"it is no ONNX file ({error})"


def _walk(message: memoryview, known: Mapping[int, Any]) -> str | None:
    for number, value in fields(message):
        inside = known.get(number)
        if inside is None or isinstance(value, int):
            continue
        found = inside if isinstance(inside, str) else _walk(value, inside)
        if found:
            return found
    return None


def _computed_constant(model: memoryview) -> str | None:
    nodes: list[memoryview] = []
    constant = {b""}
    for graph in _parts(model, MODEL_GRAPH):
        nodes += _parts(graph, GRAPH_NODE)
        constant.update(bytes(name) for held in _parts(graph, GRAPH_INITIALIZER) for name in _parts(held, TENSOR_NAME))
    if len(nodes) > MAX_NODES:
        return f"it has over {MAX_NODES} nodes"
    for node in nodes:
        if not constant.issuperset(map(bytes, _parts(node, NODE_INPUT))):
            continue
        # Of a field that stands twice, protobuf takes the last.
        if not any(bytes(operator) in HARMLESS for operator in [*_parts(node, NODE_OPERATOR)][-1:]):
            return "it computes a constant"
        constant.update(map(bytes, _parts(node, NODE_OUTPUT)))
    return None


def _parts(message: memoryview, wanted: int) -> Iterator[memoryview]:
    return (value for number, value in fields(message) if number == wanted and not isinstance(value, int))

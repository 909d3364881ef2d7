"""What an engine's ONNX file may not hold, found in its protobuf encoding, since the runtime has no onnx package.

A network that slsc compiles is whole in itself, a fixed sequence of nodes: nothing in it loops, multiplies or names
another file.
"""

from __future__ import annotations

from collections.abc import Mapping
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


def reason_to_refuse(model: bytes) -> str | None:
    """Why the bytes of an ONNX file are not to be run, None where nothing speaks against it."""
    try:
        return _walk(memoryview(model), MODEL)
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

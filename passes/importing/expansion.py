"""How large a model becomes once its functions are inlined, counted without inlining them.

Functions that call each other twice double at every level: two kilobytes of file would become gigabytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

import onnx

from slsc.errors import ModelError
from slsc.passes.graph import subgraphs

MAX_NODES = 1 << 16
"""Several times what the largest restoration networks have."""

MAX_BYTES = (1 << 31) - 1
"""What one protobuf message can hold."""

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Size:
    """Nodes, those of subgraphs included, and bytes of a part of a model, every call of a function replaced by it."""

    nodes: int
    bytes: int


def require_bounded(model: onnx.ModelProto) -> None:
    """Refuse a model that is too large once its functions are inlined.

    Raises:
        ModelError: over `MAX_NODES` nodes or `MAX_BYTES` bytes, or functions that call each other in a circle.
    """
    size = expanded_size(model)
    inlined = " with its functions inlined" if model.functions else ""
    if size.nodes > MAX_NODES:
        raise ModelError(f"the network has over {MAX_NODES} nodes{inlined}", why="no restoration network needs as many")
    if size.bytes > MAX_BYTES:
        raise ModelError(f"the network takes over {MAX_BYTES} bytes{inlined}", why="ONNX files end there")


def expanded_size(model: onnx.ModelProto) -> Size:
    """Size of the graph once every function is inlined; numbers beyond the limits are not exact.

    Raises:
        ModelError: functions call each other in a circle.
    """
    functions = {(function.domain, function.name, function.overload): function for function in model.functions}
    sizes: dict[Key, Size] = {}
    for key in _callees_first(functions):
        sizes[key] = _size(functions[key].node, functions[key].ByteSize(), sizes)
    return _size(model.graph.node, model.graph.ByteSize(), sizes)


def _callees_first(functions: Mapping[Key, onnx.FunctionProto]) -> Iterable[Key]:
    calls = {
        key: {_key(node) for node in _with_subgraphs(function.node)} & functions.keys()
        for key, function in functions.items()
    }
    try:
        return list(TopologicalSorter(calls).static_order())
    except CycleError as error:
        domain, name, _ = error.args[1][0]
        raise ModelError("the model's functions call each other in a circle", where=f"{domain}:{name}") from None


def _size(nodes: Iterable[onnx.NodeProto], own_bytes: int, sizes: Mapping[Key, Size]) -> Size:
    used = Counter(_key(node) for node in _with_subgraphs(nodes))
    called = {key: times for key, times in used.items() if key in sizes}
    return Size(
        min(used.total() + sum(times * (sizes[key].nodes - 1) for key, times in called.items()), MAX_NODES + 1),
        min(own_bytes + sum(times * sizes[key].bytes for key, times in called.items()), MAX_BYTES + 1),
    )


def _with_subgraphs(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    for node in nodes:
        yield node
        for attr in node.attribute:
            for graph in subgraphs(attr):
                yield from _with_subgraphs(graph.node)


def _key(node: onnx.NodeProto) -> Key:
    return node.domain, node.op_type, node.overload

"""The executable form of a graph: one step a node, in the graph's order."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import onnx

from slsc.errors import ModelError
from slsc.onnx_torch.attributes import Attributes, Handler, parse_attributes
from slsc.onnx_torch.ops import OPS
from slsc.onnx_torch.refusal import DEFAULT_DOMAINS, unsupported
from slsc.passes.graph import label


@dataclass(frozen=True)
class Step:
    """One node, ready to run. Holds no tensors, so the steps of a module also drive a copy of it.

    Attributes:
        node_name: the node's name, or its first output's where it has none.
        op_type: ONNX operator name.
        inputs: value names, "" for an omitted optional input.
        outputs: value names, "" for an output nobody wants.
        last_uses: values (not weights or constants) that no later step reads.
    """

    node_name: str
    op_type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    last_uses: tuple[str, ...]
    attributes: Attributes = field(repr=False, compare=False)
    handler: Handler = field(repr=False, compare=False)


def build_steps(graph: onnx.GraphProto, constants: Collection[str], opset: int) -> tuple[Step, ...]:
    """Turn the nodes of `graph` into steps; nodes whose output is in `constants` are left out.

    Raises:
        ModelError: an operator is not supported, or a node comes before one that makes its input.
    """
    _require_order(graph, constants)
    nodes = [node for node in graph.node if not (node.output and node.output[0] in constants)]
    keep = {output.name for output in graph.output} | set(constants)
    last_user: dict[str, int] = {}
    for index, node in enumerate(nodes):
        last_user.update({name: index for name in (*node.input, *node.output) if name and name not in keep})
    last_uses: list[list[str]] = [[] for _ in nodes]
    for name, index in last_user.items():
        last_uses[index].append(name)
    return tuple(_step(node, tuple(dead), opset) for node, dead in zip(nodes, last_uses, strict=True))


def _require_order(graph: onnx.GraphProto, constants: Collection[str]) -> None:
    known = {"", *constants, *(value.name for value in graph.input)}
    for node in graph.node:
        for name in node.input:
            if name not in known:
                raise ModelError(
                    f"its input {name!r} is not made by any earlier node",
                    where=label(node),
                    hint="sort the graph's nodes, for instance with onnx_graphsurgeon's toposort",
                )
        known.update(node.output)


def _step(node: onnx.NodeProto, last_uses: tuple[str, ...], opset: int) -> Step:
    name, where = node.name or node.output[0], label(node)
    handler = OPS.get(node.op_type) if node.domain in DEFAULT_DOMAINS else None
    if handler is None:
        raise unsupported(node)
    attributes = parse_attributes(node, where, opset)
    return Step(name, node.op_type, tuple(node.input), tuple(node.output), last_uses, attributes, handler)

"""Nodes in an order in which each comes after those whose results it takes."""

from __future__ import annotations

import copy
import heapq
from collections import defaultdict

import onnx

from slsc.passes.graph import subgraphs


def sort_nodes(graph: onnx.GraphProto) -> None:
    """Let nodes that come too early wait for what they take, in place; all others stay in their order.

    ONNX wants them so, runtimes do not mind, and tools that insert nodes leave them otherwise. What waits for itself
    goes to the end, for the checker to refuse.
    """
    makers = {name: index for index, node in enumerate(graph.node) for name in node.output if name}
    waits = [{makers[name] for name in _taken(node) if name in makers} for node in graph.node]
    if all(max(before, default=-1) < index for index, before in enumerate(waits)):
        return
    users = defaultdict(list)
    for index, before in enumerate(waits):
        for other in before:
            users[other].append(index)
    ready, placed = [index for index, before in enumerate(waits) if not before], []
    while ready:
        placed.append(heapq.heappop(ready))
        for index in users[placed[-1]]:
            waits[index].discard(placed[-1])
            if not waits[index]:
                heapq.heappush(ready, index)
    placed += sorted(set(range(len(waits))) - set(placed))
    nodes = [copy.deepcopy(graph.node[index]) for index in placed]
    del graph.node[:]
    graph.node.extend(nodes)


def _taken(node: onnx.NodeProto) -> set[str]:
    """What a node takes, and what the graphs within it may take from around them."""
    names = set(node.input)
    for attr in node.attribute:
        for graph in subgraphs(attr):
            names.update(*(_taken(inner) for inner in graph.node), (value.name for value in graph.output))
    return names

"""The convolutions that can be given types: by weight, since all that share one are given the same."""

from __future__ import annotations

import onnx

from slsc.passes.base import copy_of
from slsc.passes.weights import Weights


def named(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose nodes have names, for types are given by name."""
    result = copy_of(model)
    for node in result.graph.node:
        node.name = node.name or node.output[0]
    return result


def convolutions(model: onnx.ModelProto) -> dict[str, list[str]]:
    """Names of the nodes that convolve with a stored weight, by the weight's."""
    weights, found = Weights(model), dict[str, list[str]]()
    for node in model.graph.node:
        if node.op_type == "Conv" and (name := weights.source_of(node.input[1])):
            found.setdefault(name, []).append(node.name)
    return found

"""Rounding what convolutions read to bfloat16, in a network that stays float32."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import onnx
from onnx import TensorProto, helper

from slsc.passes.base import Pass, PassContext, PassResult, PostconditionError, PreconditionError, copy_of
from slsc.passes.graph import dependent, opset, replace_nodes, set_initializer
from slsc.passes.operator_set import converted
from slsc.passes.precision.emulate import convolutions_in
from slsc.passes.precision.types import BF16
from slsc.passes.weights import Weights

CASTS_BF16 = 13
"""The first operator set whose Cast knows bfloat16."""


class RoundToBf16(Pass):
    """float32 network -> the same network, the inputs and weights of some convolutions rounded to bfloat16.

    A processor that multiplies bfloat16 computes such a convolution in it, and sums in float32; every other one
    computes the same in float32. So, unlike a network typed by `WriteHalf`, ONNX Runtime runs it on any processor.

    1. A pair of Casts, to bfloat16 and back, stands before every such convolution; those that read one tensor share it.
    2. Where a convolution made that tensor, or what it was made of, all that read it read the rounded one: so it can be
       held in 16 bits. What comes from the image without one, such as the image itself, others read as it is.
    3. Weights are rounded to nearest, and held in float32 under their own names. Zeros stay zero.

    Args:
        nodes: names of the convolutions. All that share a weight are to be among them.
    """

    name = "round-to-bf16"
    preserves_function = False

    def __init__(self, nodes: Collection[str]) -> None:
        self._nodes = frozenset(nodes)

    def requires(self, model: onnx.ModelProto, context: PassContext) -> None:
        """The nodes are convolutions, whose weights are stored in float32."""
        weights = Weights(model)
        for node in model.graph.node:
            if node.name not in self._nodes:
                continue
            weight = weights.weight_of(node.input[1]) if node.op_type == "Conv" else None
            if weight is None or weight.stored.dtype != np.float32:
                raise PreconditionError("it is no convolution with a weight in float32", where=f"node {node.name!r}")

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply rules 1 to 3."""
        result = converted(model, CASTS_BF16) if opset(model) < CASTS_BF16 else copy_of(model)
        weights = Weights(result)
        nodes: list[onnx.NodeProto] = []
        rounded = {node.input[0]: f"{node.input[0]}.rounded" for node in result.graph.node if node.name in self._nodes}
        paired: set[str] = set()
        features = dependent(result, [node.output[0] for node in result.graph.node if node.op_type == "Conv"])
        for node in result.graph.node:
            for place, source in enumerate(node.input):
                reads_it = source in features or (node.name in self._nodes and place == 0)
                if source not in rounded or not reads_it:
                    continue
                if source not in paired:
                    paired.add(source)
                    nodes.extend(_pair(source, rounded[source]))
                node.input[place] = rounded[source]
            nodes.append(node)
        for weight in filter(None, (weights.weight_of(node.input[1]) for node in nodes if node.name in self._nodes)):
            kind = helper.tensor_dtype_to_np_dtype(TensorProto.BFLOAT16)
            set_initializer(result, weight.name, weight.stored.astype(kind).astype(np.float32))
        replace_nodes(result, nodes)
        return PassResult(result, bool(rounded), {"casts": 2 * len(rounded)})

    def ensures(self, model: onnx.ModelProto, context: PassContext) -> None:
        """Whoever reads the network finds that these convolutions may be computed in bfloat16."""
        found = convolutions_in(BF16, model)
        for node in model.graph.node:
            if node.name in self._nodes and node.output[0] not in found:
                raise PostconditionError("it does not read bfloat16 numbers alone", where=f"node {node.name!r}")


def _pair(source: str, target: str) -> list[onnx.NodeProto]:
    narrow = f"{target}.bf16"
    return [
        helper.make_node("Cast", [source], [narrow], narrow, to=TensorProto.BFLOAT16),
        helper.make_node("Cast", [narrow], [target], target, to=TensorProto.FLOAT),
    ]

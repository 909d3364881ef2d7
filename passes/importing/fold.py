"""Turning everything that does not depend on the image into plain initializers.

What the constants amount to is bounded by `slsc.passes.importing.import_checks`, which runs before.
"""

from __future__ import annotations

import onnx
import onnx_graphsurgeon as gs
from onnx_graphsurgeon.logger import G_LOGGER

from slsc.errors import ModelError
from slsc.passes.base import Pass, PassContext, PassResult, PostconditionError, copy_of
from slsc.passes.graph import (
    CONVOLUTIONS,
    attribute,
    free_initializers,
    hold_constants,
    label,
    replace_nodes,
    set_initializer,
)
from slsc.passes.weights import Weights

MAX_FOLDED_BYTES = 1 << 28
"""Larger results stay computed: a graph of a few nodes can ask for any amount of memory."""


class FoldConstants(Pass):
    """f(constants) -> initializer, through onnx-graphsurgeon.

    1. The output of a Constant node becomes an initializer under the output's name.
    2. So does the output of any other node whose inputs are all constant: a weight given as Transpose or Reshape of an
       initializer is afterwards a plain initializer named as that node's output.
    3. But for type changes of a convolution's weight: Cast, QuantizeLinear and DequantizeLinear stay, so that the
       weight keeps its name and the type it is stored in. Weights that are quantized in blocks become numbers: ONNX
       Runtime fails on them where it keeps sums of 8-bit products from overflowing.
    4. An initializer that is also listed as a graph input, a habit of old exporters, is no input any more.
    5. Nodes that lead to no output, and initializers nothing uses, go.
    6. Nodes end up in topological order. Names of all other tensors, nodes and initializers stay.
    """

    name = "fold-constants"

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply the rules to the whole graph.

        Raises:
            ModelError: graphsurgeon cannot take the graph.
        """
        source = copy_of(model)
        free_initializers(source)  # rule 4
        hold_constants(source)  # rule 1; graphsurgeon would read `value_floats` as float64
        _write_blocks(source)
        kept = _weight_type_changes(source)  # rule 3
        try:
            with G_LOGGER.suppress():  # it logs to stdout, which is the caller's
                graph = gs.import_onnx(source).toposort()
                graph.fold_constants(
                    size_threshold=MAX_FOLDED_BYTES,
                    error_ok=False,
                    should_exclude_node=lambda node: not kept.isdisjoint(made.name for made in node.outputs),
                )
                result = gs.export_onnx(graph.cleanup().toposort(), do_type_check=False)
        except Exception as error:  # graphsurgeon raises whatever its own code and ONNX Runtime raise
            why = f"{type(error).__name__}: {error}"
            raise ModelError("the graph's constants cannot be folded", why=why, hint="try onnxsim first") from error
        result.ir_version = source.ir_version
        before, after = list(model.graph.node), list(result.graph.node)
        gone = _labels(before) - _labels(after)
        held = {tensor.name for tensor in model.graph.initializer}
        fresh = sorted({tensor.name for tensor in result.graph.initializer} - held)
        dropped = sorted(held - {tensor.name for tensor in result.graph.initializer})
        modified = bool(gone or fresh or dropped) or len(model.graph.input) != len(result.graph.input)
        report = {"nodes_removed": len(before) - len(after), "new_initializers": fresh, "dropped_initializers": dropped}
        return PassResult(result, modified, report)

    def ensures(self, model: onnx.ModelProto, context: PassContext) -> None:
        """No Constant node is left, and no initializer is a graph input."""
        left = next((node for node in model.graph.node if node.op_type == "Constant"), None)
        if left is not None:
            raise PostconditionError("a Constant node is left", where=label(left))
        held = {tensor.name for tensor in model.graph.initializer}
        for value in model.graph.input:
            if value.name in held:
                raise PostconditionError("an initializer is still a graph input", where=value.name)


def _weight_type_changes(model: onnx.ModelProto) -> set[str]:
    """What the nodes between a convolution's weight and its initializer make."""
    weights = Weights(model)
    convolutions = [node for node in model.graph.node if node.op_type in CONVOLUTIONS]
    return {change.output[0] for node in convolutions for change in weights.type_changes(node.input[1])}


def _write_blocks(model: onnx.ModelProto) -> None:
    """Numbers in place of the integers of rule 3 that are quantized in blocks."""
    weights = Weights(model)
    blocked = [node for node in model.graph.node if attribute(node, "block_size", 0)]
    computed = {node.output[0]: weights.computed(node.output[0]) for node in blocked}
    for name, numbers in computed.items():
        if numbers is not None:
            set_initializer(model, name, numbers)
    replace_nodes(model, [node for node in model.graph.node if computed.get(node.output[0]) is None])


def _labels(nodes: list[onnx.NodeProto]) -> set[str]:
    return {label(node) for node in nodes}

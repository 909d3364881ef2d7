"""Removing nodes that hand their input through."""

from __future__ import annotations

import onnx

from slsc.passes.base import Pass, PassContext, PassResult, copy_of
from slsc.passes.graph import consumers, label, producers, rename_tensor


class RemoveIdentities(Pass):
    """Identity(x) -> x, Dropout(x) -> x at inference.

    1. A node whose output is no graph output goes; its users read its input instead. So a weight that several
       convolutions reach through Identity nodes, as exporters write shared weights, is one initializer again.
    2. A node that makes a graph output goes if the tensor it reads can take the output's name: made by a node, and no
       graph output itself. Otherwise it stays.
    3. A Dropout whose mask is used stays.
    """

    name = "remove-identities"

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply the rules to every Identity and Dropout."""
        result = copy_of(model)
        outputs = {value.name for value in result.graph.output}
        removed, kept = [], []
        for node in list(result.graph.node):
            if node.op_type not in ("Identity", "Dropout") or node.domain:
                continue
            reason = self._refusal(result, node, outputs)
            if reason:
                kept.append(f"{label(node)}: {reason}")
                continue
            removed.append(label(node))
            result.graph.node.remove(node)
            if node.output[0] in outputs:
                rename_tensor(result, node.input[0], node.output[0])
            else:
                rename_tensor(result, node.output[0], node.input[0])
        return PassResult(result, bool(removed), {"removed": removed, "kept": kept})

    def _refusal(self, model: onnx.ModelProto, node: onnx.NodeProto, outputs: set[str]) -> str:
        if len(node.output) > 1 and node.output[1] and consumers(model).get(node.output[1]):
            return "its mask is used"  # rule 3
        source = node.input[0]
        if node.output[0] in outputs and (source in outputs or source not in producers(model)):
            return "it joins two names of the graph's interface"  # rule 2
        return ""

"""Removing nodes that hand their input through."""

from __future__ import annotations

import copy

import onnx

from slsc.passes.base import Pass, PassContext, PassResult, copy_of
from slsc.passes.graph import label


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
        work = _Aliases(result)
        nodes = [copy.deepcopy(node) for node in result.graph.node if not work.removes(node)]
        if work.removed:
            del result.graph.node[:]
            for node in nodes:
                for names in (node.input, node.output):
                    names[:] = [work.name_of(name) for name in names]
            result.graph.node.extend(nodes)
        return PassResult(result, bool(work.removed), {"removed": work.removed, "kept": work.kept})


class _Aliases:
    """What tensors are called once the nodes seen so far are gone; they are to be seen in order."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.removed: list[str] = []
        self.kept: list[str] = []
        self._outputs = {value.name for value in model.graph.output}
        self._used = {name for node in model.graph.node for name in node.input} | self._outputs
        self._made: set[str] = set()
        self._source: dict[str, str] = {}
        self._renamed: dict[str, str] = {}

    def name_of(self, name: str) -> str:
        """The name of the tensor that holds what `name` did."""
        name = self._source.get(name, name)
        return self._renamed.get(name, name)

    def removes(self, node: onnx.NodeProto) -> bool:
        """Whether a node goes; notes what its output is called then."""
        if node.op_type not in ("Identity", "Dropout") or node.domain:
            self._made.update(node.output)
            return False
        reason = self._refusal(node)
        if reason:
            self._made.update(node.output)
            self.kept.append(f"{label(node)}: {reason}")
            return False
        self.removed.append(label(node))
        source = self._source.get(node.input[0], node.input[0])
        if node.output[0] in self._outputs:
            self._renamed[source] = node.output[0]
        self._source[node.output[0]] = source
        return True

    def _refusal(self, node: onnx.NodeProto) -> str:
        if len(node.output) > 1 and node.output[1] in self._used and node.output[1]:
            return "its mask is used"  # rule 3
        source = self.name_of(node.input[0])
        if node.output[0] in self._outputs and (source in self._outputs or source not in self._made):
            return "it joins two names of the graph's interface"  # rule 2
        return ""

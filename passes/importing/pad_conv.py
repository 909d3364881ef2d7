"""Conv . Pad -> Conv."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import numpy_helper

from slsc.passes.base import Pass, PassContext, PassResult, copy_of
from slsc.passes.graph import attribute, consumers, drop_unused, label


class FoldPad(Pass):
    """Pad(x, zeros) then Conv(pads p) -> Conv(x, pads p + zeros).

    It is done when

    1. the mode is `constant`, the value 0, and the amounts are known,
    2. only rows and columns are padded, by amounts >= 0,
    3. everything that uses the padded tensor is a Conv with explicit pads.
    """

    name = "fold-pad"

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Fold every Pad the rules allow; the others stay, with the reason in the report."""
        result = copy_of(model)
        held = {tensor.name: tensor for tensor in result.graph.initializer}
        outputs = {value.name for value in result.graph.output}
        users = consumers(result)
        folded, refused = [], []
        for node in [node for node in result.graph.node if node.op_type == "Pad"]:
            amounts, reason = _amounts(node, held)
            reason = reason or _refusal(node, users[node.output[0]], outputs)
            if reason:
                refused.append(f"{label(node)}: {reason}")
                continue
            folded.append(label(node))
            for conv in users.pop(node.output[0]):
                _widen(conv, amounts)
                conv.input[0] = node.input[0]
                users[node.input[0]].append(conv)
        drop_unused(result)
        return PassResult(result, bool(folded), {"folded": folded, "refused": refused})


def _amounts(node: onnx.NodeProto, held: Mapping[str, onnx.TensorProto]) -> tuple[list[int], str]:
    """Rows and columns padded, in the order of Conv's pads, and why they cannot be folded."""
    named = [name for name in node.input[1:] if name]
    if any(name not in held for name in named) or len(node.input) > 3:
        return [], "its amounts, value or axes are computed"  # rule 1
    values = {name: numpy_helper.to_array(held[name]) for name in named}
    value = values[node.input[2]] if len(node.input) > 2 and node.input[2] else attribute(node, "value", 0.0)
    if attribute(node, "mode", "constant") != "constant" or np.any(np.asarray(value) != 0):
        return [], "it does not pad with zeros"  # rule 1
    pads = [int(amount) for amount in (values[node.input[1]] if named else attribute(node, "pads"))]
    if len(pads) != 8 or any(pads[:2] + pads[4:6]) or min(pads) < 0:
        return [], f"pads {pads} are not rows and columns alone"  # rule 2
    return [*pads[2:4], *pads[6:8]], ""


def _refusal(node: onnx.NodeProto, users: Sequence[onnx.NodeProto], outputs: set[str]) -> str:
    if node.output[0] in outputs:
        return "the padded tensor is the graph's output"  # rule 3
    for user in users:
        explicit = user.op_type == "Conv" and attribute(user, "auto_pad", "NOTSET") == "NOTSET"
        if not explicit or node.output[0] in user.input[1:]:
            return f"{label(user)} uses it"  # rule 3
    return ""


def _widen(conv: onnx.NodeProto, amounts: list[int]) -> None:
    pads = [int(old + extra) for old, extra in zip(attribute(conv, "pads", [0] * 4), amounts, strict=True)]
    for attr in list(conv.attribute):
        if attr.name == "pads":
            conv.attribute.remove(attr)
    conv.attribute.append(onnx.helper.make_attribute("pads", pads))

"""Why an operator is not supported, and what to do about it."""

from __future__ import annotations

import onnx

from slsc.errors import ModelError
from slsc.passes.graph import label
from slsc.passes.importing.control_flow import CONTROL_FLOW
from slsc.passes.importing.import_checks import INTEGER_ARITHMETIC

DEFAULT_DOMAINS = ("", "ai.onnx")


def unsupported(node: onnx.NodeProto) -> ModelError:
    """The error for a node whose operator is not supported: names node, operator and domain."""
    what = f"operator {node.op_type} of domain {node.domain or 'ai.onnx'} is not supported"
    if node.domain not in DEFAULT_DOMAINS:
        why, hint = "only the default ONNX operators are", "export to those; onnx.inliner expands model functions"
    elif node.op_type in CONTROL_FLOW:
        why, hint = "control flow cannot be compiled", "export by tracing, so that one branch is left"
    elif node.op_type in INTEGER_ARITHMETIC:
        why, hint = (
            "it computes in integers",
            "quantize with QuantizeLinear nodes instead",
        )
    else:
        why, hint = None, "export the model without it, or add it to slsc/onnx_torch/ops"
    return ModelError(what, where=label(node), why=why, hint=hint)

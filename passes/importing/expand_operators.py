"""Operators that ONNX itself defines by others, written so where slsc does not know them."""

from __future__ import annotations

import onnx
from onnx import helper, inliner, shape_inference

from slsc.errors import ModelError
from slsc.passes.base import Pass, PassContext, PassResult
from slsc.passes.importing.load import require_valid

# fmt: off
EXPANDED = frozenset((
    "AffineGrid", "Attention", "CenterCropPad", "GroupNormalization", "LogSoftmax", "MeanVarianceNormalization",
    "RMSNormalization", "ReduceLogSum", "RotaryEmbedding", "Swish",
))
# fmt: on
"""Of the other operators that ONNX defines by others slsc has its own, and knows what shapes they make; or no
restoration network has a use for them."""


class ExpandOperators(Pass):
    """Swish(x) -> Mul(x, Sigmoid(x)), and the like, through ONNX's inliner.

    1. The operators in `EXPANDED` become what ONNX's standard defines them by.
    2. Where that definition hangs on types, those are inferred.
    """

    name = "expand-operators"

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply the rules.

        Raises:
            ModelError: ONNX cannot inline an operator.
        """
        own = (node for node in model.graph.node if node.domain in ("", "ai.onnx"))
        found = sorted(EXPANDED & {node.op_type for node in own})
        if not found:
            return PassResult(model, False, {"expanded": []})
        wanted = [("", name) for name in found]
        try:
            result = inliner.inline_selected_functions(_with_types(model), wanted, inline_schema_functions=True)
        except (RuntimeError, ValueError) as error:
            why = str(error).strip().splitlines()[-1]
            raise ModelError(f"{' and '.join(found)} cannot be written by other operators", why=why) from None
        del result.graph.value_info[:]
        require_valid(result, " with its operators expanded")
        return PassResult(result, True, {"expanded": found})


def _with_types(model: onnx.ModelProto) -> onnx.ModelProto:
    """The network with the type of every tensor written down, as far as it can be told."""
    result = shape_inference.infer_shapes(model)
    for tensor in result.graph.initializer:
        result.graph.value_info.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    return result

"""Conv . BatchNormalization -> Conv."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from slsc.passes.base import Pass, PassContext, PassResult, copy_of
from slsc.passes.graph import attribute, drop_unused, initializers, label, producers, set_initializer
from slsc.passes.weights import Weights


class FoldBatchNorm(Pass):
    """Conv(x, W, b) then BatchNormalization(gamma, beta, mean, var) -> Conv(x, W', b').

    With s = gamma / sqrt(var + epsilon) per output channel: W' = s W, b' = s (b - mean) + beta, computed in float64 and
    stored in the weight's own dtype. It is done when

    1. the node before is a Conv whose output goes nowhere else,
    2. the normalization runs in inference mode,
    3. W, b and the four parameters are initializers, W apart from casts, and
    4. no other node uses W: a shared weight stays shared.

    W keeps its name and type. b' takes the name of b, or where b is missing or shared, the name of W followed by
    `.folded_bias`.
    """

    name = "fold-batch-norm"

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Fold every BatchNormalization the rules allow; the others stay, with the reason in the report."""
        result = copy_of(model)
        folded, refused = [], []
        for node in [node for node in result.graph.node if node.op_type == "BatchNormalization"]:
            conv = producers(result).get(node.input[0])
            reason = _refusal(result, node, conv)
            if reason or conv is None:
                refused.append(f"{label(node)}: {reason}")
                continue
            _fold(result, conv, node)
            folded.append(label(node))
        drop_unused(result)
        return PassResult(result, bool(folded), {"folded": folded, "refused": refused})


def _refusal(model: onnx.ModelProto, norm: onnx.NodeProto, conv: onnx.NodeProto | None) -> str:
    if conv is None or conv.op_type != "Conv":
        return "no convolution comes before it"  # rule 1
    uses = _uses(model)
    if uses[conv.output[0]] > 1:
        return f"the output of {label(conv)} is also used elsewhere"  # rule 1
    if attribute(norm, "training_mode", 0) or any(norm.output[1:]):
        return "it is in training mode"  # rule 2
    held = {tensor.name for tensor in model.graph.initializer}
    weights = Weights(model)
    weight = weights.source_of(conv.input[1])
    computed = [name for name in (*norm.input[1:], *conv.input[2:]) if name and name not in held]
    if weight is None or computed:
        computed = computed or [conv.input[1]]
        return f"{computed[0]!r} is computed, not an initializer"  # rule 3
    if any(node.op_type in ("QuantizeLinear", "DequantizeLinear") for node in weights.type_changes(conv.input[1])):
        return f"the weight {weight!r} is quantized"  # rule 3
    if uses[conv.input[1]] > 1 or uses[weight] > 1:
        return f"other nodes share the weight {weight!r}"  # rule 4
    return ""


def _fold(model: onnx.ModelProto, conv: onnx.NodeProto, norm: onnx.NodeProto) -> None:
    values = initializers(model)
    weights = Weights(model)
    weight_name, read = weights.source_of(conv.input[1]), weights.computed(conv.input[1])
    assert weight_name is not None and read is not None  # rule 3
    weight = values[weight_name]
    gamma, beta, mean, var = (values[name].astype(np.float64) for name in norm.input[1:5])
    scale = gamma / np.sqrt(var + attribute(norm, "epsilon", 1e-5))
    bias_name = conv.input[2] if len(conv.input) > 2 else ""
    bias = values[bias_name].astype(np.float64) if bias_name else np.zeros(len(mean))
    if not bias_name or _uses(model)[bias_name] > 1:
        bias_name = f"{weight_name}.folded_bias"
    set_initializer(model, weight_name, _scaled(weight, scale))
    set_initializer(model, bias_name, (scale * (bias - mean) + beta).astype(read.dtype))
    del conv.input[2:]
    conv.input.append(bias_name)
    conv.output[0] = norm.output[0]
    model.graph.node.remove(norm)


def _scaled(weight: npt.NDArray[Any], scale: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    return (weight.astype(np.float64) * scale.reshape(-1, *([1] * (weight.ndim - 1)))).astype(weight.dtype)


def _uses(model: onnx.ModelProto) -> Counter[str]:
    """How often each tensor is used, by nodes or as a graph output."""
    names = [name for node in model.graph.node for name in node.input]
    return Counter(names + [value.name for value in model.graph.output])

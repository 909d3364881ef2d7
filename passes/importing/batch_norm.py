"""Conv . BatchNormalization -> Conv."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from slsc.passes.base import Pass, PassContext, PassResult, copy_of
from slsc.passes.graph import attribute, drop_unused, label, producers
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
        work = _Folding(result)
        refused = []
        for node in [node for node in result.graph.node if node.op_type == "BatchNormalization"]:
            conv = work.makers.get(node.input[0])
            reason = work.refusal(node, conv)
            if reason or conv is None:
                refused.append(f"{label(node)}: {reason}")
            else:
                work.folded.append(label(node))
                work.fold(conv, node)
        drop_unused(result)
        return PassResult(result, bool(work.folded), {"folded": work.folded, "refused": refused})


class _Folding:
    """A graph while normalizations are folded, and what of it every one of them asks for."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model, self.weights, self.makers = model, Weights(model), producers(model)
        self.held = {tensor.name: tensor for tensor in model.graph.initializer}
        names = [name for node in model.graph.node for name in node.input]
        self.uses = Counter(names + [value.name for value in model.graph.output])
        self.folded: list[str] = []

    def refusal(self, norm: onnx.NodeProto, conv: onnx.NodeProto | None) -> str:
        """Why a normalization cannot be folded into what comes before it; empty if it can."""
        if conv is None or conv.op_type != "Conv":
            return "no convolution comes before it"  # rule 1
        if self.uses[conv.output[0]] > 1:
            return f"the output of {label(conv)} is also used elsewhere"  # rule 1
        if attribute(norm, "training_mode", 0) or any(norm.output[1:]):
            return "it is in training mode"  # rule 2
        weight = self.weights.source_of(conv.input[1])
        computed = [name for name in (*norm.input[1:], *conv.input[2:]) if name and name not in self.held]
        if weight is None or computed:
            computed = computed or [conv.input[1]]
            return f"{computed[0]!r} is computed, not an initializer"  # rule 3
        changes = self.weights.type_changes(conv.input[1])
        if any(node.op_type in ("QuantizeLinear", "DequantizeLinear") for node in changes):
            return f"the weight {weight!r} is quantized"  # rule 3
        if self.uses[conv.input[1]] > 1 or self.uses[weight] > 1:
            return f"other nodes share the weight {weight!r}"  # rule 4
        return ""

    def fold(self, conv: onnx.NodeProto, norm: onnx.NodeProto) -> None:
        """Let the convolution do what the normalization does, which nothing uses any more."""
        weight_name, read = self.weights.source_of(conv.input[1]), self.weights.computed(conv.input[1])
        assert weight_name is not None and read is not None  # rule 3
        weight = self._value(weight_name)
        gamma, beta, mean, var = (self._value(name).astype(np.float64) for name in norm.input[1:5])
        scale = gamma / np.sqrt(var + attribute(norm, "epsilon", 1e-5))
        bias_name = conv.input[2] if len(conv.input) > 2 else ""
        bias = self._value(bias_name).astype(np.float64) if bias_name else np.zeros(len(mean))
        if not bias_name or self.uses[bias_name] > 1:
            self.uses[bias_name] -= 1
            bias_name = f"{weight_name}.folded_bias"
            self.uses[bias_name] += 1
        self._hold(weight_name, _scaled(weight, scale))
        self._hold(bias_name, (scale * (bias - mean) + beta).astype(read.dtype))
        del conv.input[2:]
        conv.input.append(bias_name)
        conv.output[0] = norm.output[0]
        norm.output[0] = f"{norm.output[0]}.unused"
        self.makers[conv.output[0]] = conv

    def _value(self, name: str) -> npt.NDArray[Any]:
        return numpy_helper.to_array(self.held[name])

    def _hold(self, name: str, value: npt.NDArray[Any]) -> None:
        if name not in self.held:
            self.held[name] = self.model.graph.initializer.add()
        self.held[name].CopyFrom(numpy_helper.from_array(np.asarray(value, order="C"), name))


def _scaled(weight: npt.NDArray[Any], scale: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    return (weight.astype(np.float64) * scale.reshape(-1, *([1] * (weight.ndim - 1)))).astype(weight.dtype)

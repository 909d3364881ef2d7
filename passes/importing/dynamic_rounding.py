"""Networks that round activations to 8 bits by ranges taken as they run -> the numbers that they are rounded from."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from slsc.passes.base import Pass, PassContext, PassResult, copy_of
from slsc.passes.graph import drop_unused, hold_constants, initializers, replace_nodes, set_initializer

NUMBERS = {"ConvInteger": "Conv", "MatMulInteger": "MatMul"}
"""Operators on integers, and what they are on numbers."""


class LeaveOutDynamicRounding(Pass):
    """DynamicQuantizeLinear . ConvInteger . Mul -> Conv . Mul, as ONNX Runtime's dynamic quantizer writes them.

    1. DynamicQuantizeLinear hands on the numbers themselves, as integers of scale 1 and zero point 0 would stand for.
    2. ConvInteger and MatMulInteger of them become Conv and MatMul, with the weights less their zero points; the
       multiplication with the weights' scale stays behind them.
    3. Nothing is done where what is rounded goes anywhere else, or a weight is no initializer.
    """

    name = "leave-out-dynamic-rounding"
    preserves_function = False  # by as much as its activations were rounded

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply the rules to the whole graph, or not at all."""
        roundings = [node for node in model.graph.node if node.op_type == "DynamicQuantizeLinear"]
        if not roundings:
            return PassResult(model, False, {"left_out": 0})
        result = copy_of(model)
        hold_constants(result)
        rounded = {node.output[0]: node.output[2] for node in roundings}
        users = [node for node in result.graph.node if rounded.keys() & set(node.input)]
        held = initializers(result)
        if not all(_is_taken(node, rounded, held) for node in users):
            return PassResult(model, False, {"left_out": 0})
        nodes = []
        for node in result.graph.node:
            if node.op_type == "DynamicQuantizeLinear":
                nodes.append(helper.make_node("Identity", node.input, node.output[:1], node.name))
                set_initializer(result, node.output[1], np.array(1, np.float32))
            elif node.op_type in NUMBERS:
                nodes.append(_on_numbers(node, result, held))
            else:
                nodes.append(node)
        replace_nodes(result, nodes)
        drop_unused(result)
        note = "its activations are rounded to 8 bits by ranges taken as it runs, which is left out"
        return PassResult(result, True, {"left_out": len(roundings), "note": note})


def _is_taken(node: onnx.NodeProto, rounded: dict[str, str], held: dict[str, np.ndarray]) -> bool:
    """Rule 3."""
    if node.op_type not in NUMBERS or len(node.input) < 3 or node.input[2] != rounded.get(node.input[0]):
        return False
    zero = node.input[3] if len(node.input) > 3 else ""
    return node.input[1] in held and (not zero or zero in held)


def _on_numbers(node: onnx.NodeProto, model: onnx.ModelProto, held: dict[str, np.ndarray]) -> onnx.NodeProto:
    """Rule 2."""
    weight = held[node.input[1]].astype(np.float32)
    zero = held[node.input[3]].astype(np.float32) if len(node.input) > 3 and node.input[3] else np.float32(0)
    if zero.size > 1:  # one for each output channel: the first axis of a convolution's weight, the last of a matrix
        zero = zero.reshape(-1, *[1] * (weight.ndim - 1)) if node.op_type == "ConvInteger" else zero
    set_initializer(model, node.input[1], weight - zero)
    made = helper.make_node(NUMBERS[node.op_type], node.input[:2], node.output, node.name)
    made.attribute.extend(node.attribute)
    return made

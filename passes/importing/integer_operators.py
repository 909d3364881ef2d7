"""Operators that take and give 8-bit integers, written as what they compute: numbers in between.

Those of ONNX Runtime's own operator set are what its quantizer writes in the form QOperator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import onnx
from onnx import helper

DOMAINS = ("", "ai.onnx", "com.microsoft")


@dataclass(frozen=True)
class _Form:
    """Of an integer operator: the operator on numbers, and where its inputs are.

    Attributes:
        op_type: the operator on numbers.
        inputs: places of (integers, scale, zero point), one triple for each of its inputs.
        output: places of the output's scale and zero point.
        bias: place of a bias in steps of both inputs' scales, None where there is none.
    """

    op_type: str
    inputs: Sequence[tuple[int, int, int]]
    output: tuple[int, int]
    bias: int | None = None


_ONE, _TWO = ((0, 1, 2),), ((0, 1, 2), (3, 4, 5))

FORMS = {
    "QLinearConv": _Form("Conv", _TWO, (6, 7), bias=8),
    "QLinearMatMul": _Form("MatMul", _TWO, (6, 7)),
    "QLinearAdd": _Form("Add", _TWO, (6, 7)),
    "QLinearMul": _Form("Mul", _TWO, (6, 7)),
    "QLinearLeakyRelu": _Form("LeakyRelu", _ONE, (3, 4)),
    "QLinearSigmoid": _Form("Sigmoid", _ONE, (3, 4)),
    "QLinearAveragePool": _Form("AveragePool", _ONE, (3, 4)),
    "QLinearGlobalAveragePool": _Form("GlobalAveragePool", _ONE, (3, 4)),
}


def expanded(node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """The nodes that compute what `node` does by DequantizeLinear, numbers and QuantizeLinear; or the node alone.

    Operators whose channels are last, which ONNX has none of, are left as they are.
    """
    if node.domain not in DOMAINS or any(attr.name == "channels_last" and attr.i for attr in node.attribute):
        return [node]
    if node.op_type in ("QuantizeLinear", "DequantizeLinear") and node.domain == "com.microsoft":
        return [helper.make_node(node.op_type, node.input, node.output, node.name)]
    if node.op_type == "QLinearConcat":
        triples = [(place, place + 1, place + 2) for place in range(2, len(node.input), 3)]
        return _expanded(node, _Form("Concat", triples, (0, 1)))
    form = FORMS.get(node.op_type)
    return [node] if form is None else _expanded(node, form)


def _expanded(node: onnx.NodeProto, form: _Form) -> list[onnx.NodeProto]:
    made, name = node.output[0], node.name or node.output[0]
    inner, nodes = [], []
    for index, places in enumerate(form.inputs):
        # Weights are quantized by output channel, their first axis.
        axis = 0 if form.op_type == "Conv" and index == 1 else 1
        inner.append(f"{made}.input{index}")
        ends = [node.input[place] for place in places]
        nodes.append(helper.make_node("DequantizeLinear", ends, inner[-1:], f"{name}.input{index}", axis=axis))
    if form.bias is not None and len(node.input) > form.bias and node.input[form.bias]:
        steps, scales = f"{made}.bias_steps", [node.input[places[1]] for places in form.inputs]
        inner.append(f"{made}.bias")
        nodes.append(helper.make_node("DequantizeLinear", [node.input[form.bias], scales[0]], [steps], f"{name}.bias"))
        nodes.append(helper.make_node("Mul", [steps, scales[1]], inner[-1:], f"{name}.bias_scale"))
    nodes.append(helper.make_node(form.op_type, inner, [f"{made}.numbers"], name))
    nodes[-1].attribute.extend(node.attribute)
    ends = [f"{made}.numbers", *(node.input[place] for place in form.output)]
    return [*nodes, helper.make_node("QuantizeLinear", ends, [made], f"{name}.output")]

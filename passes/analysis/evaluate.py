"""Computing one node of a graph outside of it, in the operator set that the graph is written in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator

# fmt: off
EVALUATED = frozenset((
    "Abs", "Add", "And", "ArgMax", "ArgMin", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor", "Cast",
    "CastLike", "Ceil", "Clip", "Compress", "Concat", "Constant", "ConstantOfShape", "CumSum", "DequantizeLinear",
    "Div", "Equal", "Exp", "Expand", "EyeLike", "Flatten", "Floor", "Gather", "GatherElements", "GatherND",
    "Greater", "GreaterOrEqual", "Identity", "IsInf", "IsNaN", "Less", "LessOrEqual", "Log", "Max", "Mean", "Min",
    "Mod", "Mul", "Neg", "NonZero", "Not", "OneHot", "Or", "Pad", "Pow", "QuantizeLinear", "Range", "Reciprocal",
    "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "Relu", "Reshape", "Round",
    "ScatterElements", "ScatterND", "Shape", "Sigmoid", "Sign", "Size", "Slice", "Split", "Sqrt", "Squeeze", "Sub",
    "Sum", "Tanh", "Tile", "TopK", "Transpose", "Trilu", "Unsqueeze", "Where", "Xor",
))
# fmt: on
"""Operators of which `evaluate` takes no more time and memory than what goes in and what comes out: sizes are computed
with these. A pool in 10^9 pixels of padding makes a few values by way of 10^9, and a pattern can be matched for ever.
"""


def evaluate(
    node: onnx.NodeProto, opsets: Iterable[onnx.OperatorSetIdProto], feeds: Mapping[str, npt.NDArray[Any]]
) -> dict[str, npt.NDArray[Any]]:
    """A node's outputs by name, as ONNX's reference implementation computes them.

    Args:
        node: the node; it holds no graph.
        opsets: the operator sets its model imports.
        feeds: the value of every input that it names.

    Raises:
        Exception: whatever numpy and the reference operators raise on senseless values, or for operators they lack.
    """
    outputs = [name for name in node.output if name]
    given, wanted = ([onnx.ValueInfoProto(name=name) for name in names] for names in (feeds, outputs))
    # Of a node alone the evaluator would take the newest version there is, whatever operator set it is told.
    model = helper.make_model(helper.make_graph([node], "node", given, wanted), opset_imports=list(opsets))
    try:
        evaluator = ReferenceEvaluator(model)
    except RuntimeError:  # it lacks this version (of DequantizeLinear those below 19): the next best is the newest
        evaluator = ReferenceEvaluator(node)
    made: list[Any] = evaluator.run(None, dict(feeds))  # type: ignore[assignment]
    return {name: np.asarray(value) for name, value in zip(outputs, made, strict=True)}

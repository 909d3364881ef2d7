"""The types a network may be computed in, and which inputs and outputs of an operator follow them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import onnx
from onnx import TensorProto, defs

from slsc.passes.graph import opset


@dataclass(frozen=True)
class FloatType:
    """A type of floating-point numbers.

    Attributes:
        name: what users call it.
        onnx: ONNX's number for it.
        spelled: as ONNX's schemas spell it.
        opset: the first operator set whose convolutions take it.
    """

    name: str
    onnx: int
    spelled: str
    opset: int


FLOAT32 = FloatType("float32", TensorProto.FLOAT, "tensor(float)", 11)
FP16 = FloatType("fp16", TensorProto.FLOAT16, "tensor(float16)", 11)
BF16 = FloatType("bf16", TensorProto.BFLOAT16, "tensor(bfloat16)", 22)

HALVES: Mapping[str, FloatType] = {each.name: each for each in (FP16, BF16)}
"""The 16-bit types by name."""

ROUNDED = "bf16-rounded"
"""What users call float32 whose convolutions read numbers rounded to bfloat16 (`slsc.passes.precision.rounded`)."""


def can_compute_in(model: onnx.ModelProto, node: onnx.NodeProto, kind: FloatType) -> bool:
    """Whether the operator takes its main input, the first, in a type."""
    schema = _schema(model, node)
    return schema is not None and bool(schema.inputs) and kind.spelled in schema.inputs[0].types


def following_inputs(model: onnx.ModelProto, node: onnx.NodeProto, kind: FloatType) -> Iterator[int]:
    """Places of the inputs that take the type where they hold floats; others, as the scales of Resize, stay float32."""
    schema = _schema(model, node)
    if schema is None:
        return
    for place, name in enumerate(node.input):
        formal = schema.inputs[min(place, len(schema.inputs) - 1)]
        if name and kind.spelled in formal.types:
            yield place


def _schema(model: onnx.ModelProto, node: onnx.NodeProto) -> defs.OpSchema | None:
    if node.domain not in ("", "ai.onnx") or not defs.has(node.op_type, opset(model), ""):
        return None
    return defs.get_schema(node.op_type, opset(model), "")

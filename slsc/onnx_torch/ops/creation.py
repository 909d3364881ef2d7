"""Element types, and tensors made from shapes."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from slsc.onnx_torch.attributes import Attributes, Handler, Inputs

DTYPES = {
    1: torch.float32,
    2: torch.uint8,
    3: torch.int8,
    4: torch.uint16,
    5: torch.int16,
    6: torch.int32,
    7: torch.int64,
    9: torch.bool,
    10: torch.float32,  # float16 is computed in float32, see OnnxModule
    11: torch.float64,
    16: torch.float32,
}
"""ONNX element type to the torch type it is computed in."""


def cast(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Cast between numeric types."""
    dtype = DTYPES.get(attributes.integer("to", 0))
    if dtype is None:
        raise attributes.refuse(f"its target is ONNX element type {attributes.integer('to', 0)}")
    return inputs[0].to(dtype)


def cast_like(attributes: Attributes, inputs: Inputs) -> Tensor:
    """CastLike: to the type of the second input."""
    return inputs[0].to(inputs[1].dtype)


def constant_of_shape(attributes: Attributes, inputs: Inputs) -> Tensor:
    """ConstantOfShape; zeros of float32 where no value is given."""
    value = attributes.values.get("value")
    filling = torch.zeros(1) if value is None else torch.tensor(value)
    dtype = torch.float32 if filling.dtype == torch.float16 else filling.dtype
    return torch.full(inputs[0].tolist(), filling.item(), dtype=dtype)


def range_(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Range, the end excluded."""
    start, end, step = (value.item() for value in inputs)
    return torch.arange(start, end, step, dtype=inputs[0].dtype)


OPS: Mapping[str, Handler] = {
    "Cast": cast,
    "CastLike": cast_like,
    "ConstantOfShape": constant_of_shape,
    "Range": range_,
}

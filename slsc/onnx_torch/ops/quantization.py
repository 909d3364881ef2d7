"""QuantizeLinear and DequantizeLinear, in floating point: whole numbers are held as floats, and gradients pass."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from slsc.onnx_torch.attributes import Attributes, Handler, Inputs
from slsc.onnx_torch.ops.creation import DTYPES
from slsc.onnx_torch.ops.elementwise import aligned

INTEGERS = (torch.int8, torch.uint8, torch.int16, torch.uint16)


def quantize(attributes: Attributes, inputs: Inputs) -> Tensor:
    """QuantizeLinear: rounded half to even, saturated. Rounding passes the gradient on, saturation does not."""
    x, scale, zero_point = _spread(attributes, inputs)
    steps = x / scale
    rounded = steps + (torch.round(steps) - steps).detach()
    bounds = torch.iinfo(_integer_type(attributes, inputs))
    return torch.clamp(rounded + zero_point, bounds.min, bounds.max)


def dequantize(attributes: Attributes, inputs: Inputs) -> Tensor:
    """DequantizeLinear."""
    x, scale, zero_point = _spread(attributes, inputs)
    return (x - zero_point) * scale


def _spread(attributes: Attributes, inputs: Inputs) -> tuple[Tensor, Tensor, Tensor]:
    """Input, scale and zero point as floats that broadcast."""
    x, scale, zero_point = (*inputs, None)[:3]
    if attributes.integer("block_size", 0):
        raise attributes.refuse("it quantizes in blocks", "quantize per tensor or per channel")
    shape = [1] * x.ndim
    if scale.numel() > 1:
        shape[attributes.integer("axis", 1)] = -1
    zero_point = torch.zeros_like(scale) if zero_point is None else zero_point.to(scale.dtype)
    x, scale, zero_point = aligned(x.to(scale.dtype), scale.reshape(shape), zero_point.reshape(shape))
    return x, scale, zero_point


def _integer_type(attributes: Attributes, inputs: Inputs) -> torch.dtype:
    if len(inputs) > 2 and inputs[2] is not None:
        kind = inputs[2].dtype
    else:
        kind = DTYPES.get(attributes.integer("output_dtype", 0) or 2)
    if kind not in INTEGERS:
        raise attributes.refuse("it does not quantize to 8 or 16 bits", "quantize to int8 or uint8")
    return kind


OPS: Mapping[str, Handler] = {
    "DequantizeLinear": dequantize,
    "QuantizeLinear": quantize,
}

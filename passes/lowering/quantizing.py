"""QuantizeLinear and DequantizeLinear of what depends on the image, and which convolutions run in integers.

A convolution does whose input is dequantized and whose weight is dequantized int8 about zero. Everything else computes
with floats, as the graph says.
"""

from __future__ import annotations

import numpy as np
import onnx

from slsc.passes.graph import label
from slsc.passes.lowering.builder import Builder, Lower
from slsc.passes.lowering.nmp import DType
from slsc.passes.lowering.refusal import refuse
from slsc.passes.lowering.steps import Dequantize, Integers, Quantization, Quantize

MOST_WEIGHTS = (1 << 15) - 1
"""Of one output of a convolution in integers, that 32 bits are sure to sum; `kMaxIntWeights` of the engine."""


def quantize(node: onnx.NodeProto, build: Builder) -> None:
    """QuantizeLinear to 8 bits. Tensors quantized in the same way several times are so once."""
    source, quantization = build.find(node, 0), _quantization(node, build)
    for step in build.steps:
        if isinstance(step, Quantize) and step.inputs == (source,) and step.quantization == quantization:
            build.same(node.output[0], step.output)
            return
    build.add(Quantize(label=label(node), inputs=(source,), output=node.output[0], quantization=quantization))


def dequantize(node: onnx.NodeProto, build: Builder) -> None:
    """DequantizeLinear of 8 bits."""
    source = build.find(node, 0)
    if build.space(source).dtype != DType.U8:
        raise refuse(node, "its input is not quantized")
    step = Dequantize(
        label=label(node), inputs=(source,), output=node.output[0], quantization=_quantization(node, build)
    )
    build.add(step)


def integers_of(node: onnx.NodeProto, build: Builder, source: str) -> tuple[str, Integers | None]:
    """What a Conv of tensor `source` reads, and how, where it runs in integers; else `source` and None."""
    maker = next((step for step in build.steps if step.output == source), None)
    weight = build.facts.weight(node.input[1])
    if not isinstance(maker, Dequantize) or weight is None or weight.quantization is None:
        return source, None
    scale, zero = weight.quantization.scale, weight.quantization.zero_point
    per_output = scale.size == 1 or scale.shape == (len(weight.stored), 1, 1, 1)
    if weight.stored.dtype != np.int8 or np.any(zero) or not per_output or weight.stored[0].size > MOST_WEIGHTS:
        return source, None
    scales = np.array(np.broadcast_to(scale.reshape(-1), len(weight.stored)), np.float32)
    return maker.inputs[0], Integers(weight.stored, scales, maker.quantization)


def _quantization(node: onnx.NodeProto, build: Builder) -> Quantization:
    """Of a tensor as a whole; int8 becomes uint8, 128 more."""
    scale = build.facts.constant(node.input[1])
    zero = build.facts.constant(node.input[2]) if len(node.input) > 2 and node.input[2] else np.uint8(0)
    if scale is None or zero is None:
        raise refuse(node, "its scale or zero point is computed")
    if scale.size > 1 or zero.size > 1:
        raise refuse(node, "it has a scale per channel; only one for all channels is known")
    if zero.dtype not in (np.uint8, np.int8):
        raise refuse(node, f"its integers are {zero.dtype}; only 8 bits are known")
    offset = 128 if zero.dtype == np.int8 else 0
    number = float(np.float32(scale.reshape(-1)[0]))
    if not (np.isfinite(number) and number > 0):
        raise refuse(node, f"its scale is {number}")
    return Quantization(number, int(zero.reshape(-1)[0]) + offset)


OPERATORS: dict[str, Lower] = {"QuantizeLinear": quantize, "DequantizeLinear": dequantize}

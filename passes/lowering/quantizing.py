"""QuantizeLinear and DequantizeLinear of what depends on the image, and which convolutions run in integers.

A convolution does whose input is dequantized and whose weight is dequantized int8 about zero. Everything else computes
with floats, as the graph says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import onnx

from slsc.passes.graph import label
from slsc.passes.lowering.builder import Builder, Lower
from slsc.passes.lowering.fuse import needed
from slsc.passes.lowering.nmp import DType
from slsc.passes.lowering.nmp_ops import Combine
from slsc.passes.lowering.refusal import refuse
from slsc.passes.lowering.steps import Concat, Conv, Dequantize, Integers, Narrow, Quantization, Quantize, Space, Step

MOST_WEIGHTS = (1 << 15) - 1
"""Of one output of a convolution in integers, that 32 bits are sure to sum; `kMaxIntWeights` of the engine."""

FEW_OUTPUTS = 4
"""Of a convolution that makes the image."""


def quantize(node: onnx.NodeProto, build: Builder) -> None:
    """QuantizeLinear to 8 bits. Tensors quantized in the same way several times are so once.

    The parts of a concatenation are quantized one by one and then joined, so that what makes them can store integers.
    """
    source, quantization = build.find(node, 0), _quantization(node, build)
    for step in build.steps:
        whole = step.output in build.facts.producers  # no part of a concatenation
        if whole and isinstance(step, Quantize) and step.inputs == (source,) and step.quantization == quantization:
            build.same(node.output[0], step.output)
            return
    parts = _parts(source, build)
    if len(parts) == 1:
        build.add(Quantize(label=label(node), inputs=(source,), output=node.output[0], quantization=quantization))
        return
    joined = tuple(f"{node.output[0]}.part{index}" for index in range(len(parts)))
    for part, output in zip(parts, joined, strict=True):
        build.add(Quantize(label=label(node), inputs=(part,), output=output, quantization=quantization))
    build.add(Concat(label=label(node), inputs=joined, output=node.output[0]))


def _parts(source: str, build: Builder) -> list[str]:
    """The tensors that one is the concatenation of, itself where it is none."""
    maker = next((step for step in build.steps if step.output == source), None)
    if not isinstance(maker, Concat):
        return [source]
    return [part for name in maker.inputs for part in _parts(name, build)]


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


def endings_in_floats(steps: Sequence[Step], spaces: dict[str, Space], output: str) -> list[Step]:
    """Let convolutions compute with floats that the engine can fold into the one behind, which makes the image.

    Both are one linear map with few outputs then, which is less work than the first alone in integers, and nothing is
    rounded between them anyway.

    Args:
        steps: fused steps, in the order they run.
        spaces: of every tensor; those of what is dequantized are added.
        output: the graph's output.
    """
    uses = Counter(name for step in steps for name in step.inputs)
    users = {step.inputs[0]: step for step in steps}
    makers = {step.output: step for step in steps}
    changed: list[Step] = []
    for step in steps:
        user = users.get(step.output)
        single = uses[step.output] == 1 and step.output != output
        if single and isinstance(step, Conv) and isinstance(user, Conv) and _folds(step, user):
            changed.extend(_in_floats(step, makers, spaces))
        else:
            changed.append(step)
    return needed(changed, output)


def _in_floats(conv: Conv, makers: Mapping[str, Step], spaces: dict[str, Space]) -> list[Step]:
    """A convolution in float32, where that can be, behind what its input is dequantized by."""
    source = conv.inputs[0]
    if conv.integers:
        made = f"{conv.output}.dequantized"
        spaces[made] = replace(spaces[source], dtype=DType.F32)
        back = Dequantize(label=conv.label, inputs=(source,), output=made, quantization=conv.integers.source)
        return [back, replace(conv, inputs=(made,), integers=None)]
    rounded = makers.get(source)
    if conv.half and isinstance(rounded, Narrow):
        return [replace(conv, inputs=rounded.inputs, half=False)]
    return [conv]


def _folds(first: Conv, second: Conv) -> bool:
    """Whether the engine may fold them: see `runtime/native/src/conv/folded_pair.cpp`."""
    linear = not first.act and first.combine == Combine.NONE and first.shuffle > 1
    few = len(second.weight) <= FEW_OUTPUTS and second.shuffle == 1 and second.integers is None and not second.half
    plain = all((each.strides, each.dilations, each.groups) == ((1, 1), (1, 1), 1) for each in (first, second))
    return linear and few and plain


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

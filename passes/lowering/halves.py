"""Convolutions that a typed network computes in bfloat16; the engine may compute in float32 where that is faster.

Their input is rounded to bfloat16 first, unless another such convolution makes it. Products are exact and summed in
float32; everything else computes in float32, more exactly than the network asks for. Only what they add to their sums,
or multiply these with, is read in bfloat16 where the network rounds it: it lies there, half as large.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import onnx

from slsc.passes.graph import label
from slsc.passes.lowering.builder import Builder
from slsc.passes.lowering.quantizing import FEW_OUTPUTS
from slsc.passes.lowering.steps import Conv, Narrow, Step


def narrowed(node: onnx.NodeProto, build: Builder, source: str, outputs: int) -> str | None:
    """The tensor that a Conv of `source` reads where it runs in bfloat16; None where it does not.

    Args:
        node: the convolution.
        build: the steps so far; what rounds is added, once for all that read it.
        source: name of what the convolution would read in float32.
        outputs: channels that it makes; with few, float32 is as fast, and may be one with the convolution before.
    """
    if node.output[0] not in build.halves or outputs <= FEW_OUTPUTS:
        return None
    for step in build.steps:
        if isinstance(step, Narrow) and step.inputs == (source,):
            return step.output
    return build.add(Narrow(label=label(node), inputs=(source,), output=f"{source}.bf16"))


def combined_in_halves(steps: Sequence[Step], tensors: Collection[str]) -> list[Step]:
    """Let convolutions in bfloat16 combine their sums with what was rounded before.

    Args:
        steps: in the order they run, fused.
        tensors: those of which only the rounded numbers count.
    """
    halves: dict[str, str] = {}
    changed: list[Step] = []
    for step in steps:
        if isinstance(step, Conv) and step.half and step.shuffle == 1 and len(step.inputs) == 2:
            source, other = step.inputs
            step = replace(step, inputs=(source, halves.get(other, other)))
        elif isinstance(step, Narrow) and step.inputs[0] in tensors:
            halves[step.inputs[0]] = step.output
        changed.append(step)
    return changed

"""Which convolutions run in bfloat16: those that a typed network computes so, where that pays.

Their input is rounded to bfloat16 first, unless another such convolution makes it. Products are exact and summed in
float32; everything else computes in float32, more exactly than the network asks for.
"""

from __future__ import annotations

import numpy as np
import onnx

from slsc.passes.graph import label
from slsc.passes.lowering.builder import Builder
from slsc.passes.lowering.steps import Array, Narrow

LANES = 16
"""Outputs that the engine sums at once."""

BLOCK, TAP = 32, 2
"""Channels that lie in one register, and those of them that are multiplied at once for each output."""

DOT_COST, DENSE_COST = 1.5, 0.7
"""Time of such a step, and of one of a dense kernel in float32, over that of a kept weight in float32; see
runtime/native/docs/experiments.md."""


def narrowed(node: onnx.NodeProto, build: Builder, source: str, weight: Array, groups: int) -> str | None:
    """The tensor that a Conv of `source` reads where it runs in bfloat16; None where it does not.

    Args:
        node: the convolution.
        build: the steps so far; what rounds is added, once for all that read it.
        source: name of what the convolution would read in float32.
        weight: (K, C/groups, kh, kw).
        groups: of the convolution.
    """
    if node.output[0] not in build.halves or not _pays(weight, groups):
        return None
    for step in build.steps:
        if isinstance(step, Narrow) and step.inputs == (source,):
            return step.output
    return build.add(Narrow(label=label(node), inputs=(source,), output=f"{source}.bf16"))


def _pays(weight: Array, groups: int) -> bool:
    """Whether it takes less time than float32, whose lanes are pixels and whose steps the kept weights, or all."""
    made, in_group = weight.shape[:2]
    kept = np.zeros((made, in_group * groups, *weight.shape[2:]), bool)
    for group in range(groups):
        outputs = slice(group * made // groups, (group + 1) * made // groups)
        kept[outputs, group * in_group : (group + 1) * in_group] = weight[outputs] != 0
    blocks = [kept[:, first : first + BLOCK].sum(axis=1) for first in range(0, in_group * groups, BLOCK)]
    counts = np.stack([-(-each // TAP) for each in blocks])  # (blocks, K, kh, kw)
    sets = [counts[:, first : first + LANES].max(axis=1).sum() for first in range(0, made, LANES)]
    floats = min(float(np.count_nonzero(kept)), DENSE_COST * weight.size) / LANES
    return bool(DOT_COST * sum(sets) < floats)

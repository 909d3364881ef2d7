"""Merging steps into the one that makes their input, so that tensors in between are never stored.

1. Unary . Unary -> Unary, where the first has no activation or the second does not scale.
2. Unary . (Conv | Binary) -> the activation becomes theirs; scale and shift become part of a convolution's weights.
3. Binary(x, Conv) -> a convolution that adds or multiplies x: act(conv + x), act(conv) + x, act(conv) * x, x - conv.
4. Quantize . Conv in integers, or Narrow . Conv in bfloat16 -> one that makes such numbers; Quantize . Unary -> one
   with factors, where it only scales.
5. DepthToSpace . Conv -> a convolution that stores shuffled; Permute . Conv -> one with its outputs in that order.
6. Products with gates, see `gates.py`.

Steps that nothing uses go first: what dequantized the inputs of convolutions in integers. A step is fused only if
nothing else uses its output. The result stands where the later step stood, so that all its inputs have been made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from slsc.passes.lowering.gates import gated
from slsc.passes.lowering.nmp_ops import Act, BinaryKind, Combine, Spread
from slsc.passes.lowering.steps import (
    Activation,
    Array,
    Binary,
    Conv,
    DepthToSpace,
    Narrow,
    Permute,
    Quantize,
    Resize,
    Sparsity,
    Step,
    Unary,
)


def fuse(steps: Sequence[Step], output: str) -> list[Step]:
    """Apply the rules to steps in the order they run; `output` is the graph's output, which stays."""
    steps = needed(steps, output)
    uses = Counter(name for step in steps for name in data_inputs(step))
    uses[output] += 1
    made: dict[str, Step] = {}
    for step in steps:
        step = gated(step, made, uses)
        for name in _latest_first(step, made):
            before = made[name]
            fused = _fuse_pair(before, step) if uses[name] == 1 else None
            if fused is not None:
                del made[name]
                step = fused
                break
        made[step.output] = _as_conv(step) if isinstance(step, Permute) else step
    return list(made.values())


def needed(steps: Sequence[Step], output: str) -> list[Step]:
    """The steps that `output` is made by, in order."""
    names, kept = {output}, []
    for step in reversed(steps):
        if step.output in names:
            names.update(step.inputs)
            kept.append(step)
    return kept[::-1]


def data_inputs(step: Step) -> tuple[str, ...]:
    """The tensors whose contents a step reads; the one that only tells a Resize its size is left out."""
    return step.inputs[:1] if isinstance(step, Resize) else step.inputs


def _latest_first(step: Step, made: dict[str, Step]) -> list[str]:
    order = {name: index for index, name in enumerate(made)}
    return sorted((name for name in data_inputs(step) if name in made), key=order.__getitem__, reverse=True)


def _fuse_pair(before: Step, step: Step) -> Step | None:
    """One step for `step` after `before`, or None where there is none."""
    fused: Step | None = None
    if isinstance(step, Unary) and isinstance(before, Unary):
        fused = _unary_after_unary(before, step)
    elif isinstance(step, Unary) and isinstance(before, Conv):
        fused = _unary_after_conv(before, step)
    elif isinstance(step, Unary) and isinstance(before, Binary) and not step.linear and not before.act:
        fused = replace(before, act=step.act)
    elif isinstance(step, Binary) and isinstance(before, Conv):
        fused = _binary_after_conv(before, step)
    elif isinstance(step, Quantize) and isinstance(before, Unary):
        fused = _quantize_after_unary(before, step)
    elif isinstance(step, Quantize) and isinstance(before, Conv) and before.integers and _is_plain(before):
        fused = replace(before, integers=replace(before.integers, target=step.quantization))
    elif isinstance(step, Narrow) and isinstance(before, Conv) and before.half and _is_plain(before):
        fused = replace(before, half_out=True)
    elif isinstance(step, DepthToSpace) and isinstance(before, Conv) and _is_plain(before):
        fused = replace(before, shuffle=step.block)
    elif isinstance(step, Permute) and isinstance(before, Conv) and _is_plain(before) and before.groups == 1:
        fused = _permuted(before, step.order)
    return None if fused is None else replace(fused, output=step.output)


def _is_plain(conv: Conv) -> bool:
    return conv.combine == Combine.NONE and conv.shuffle == 1


def _unary_after_unary(before: Unary, step: Unary) -> Unary | None:
    """Rule 1."""
    if before.act:
        return None
    if not step.linear:
        return replace(before, act=step.act)
    scale = step.scale if before.scale is None else _times(before.scale, step.scale)
    shift = _plus(_times(before.shift, step.scale), step.shift)
    return replace(before, scale=scale, shift=shift, act=step.act)


def _unary_after_conv(before: Conv, step: Unary) -> Conv | None:
    """Rule 2."""
    if before.act and not _scales_alike(before.act, step):
        return None
    if before.combine == Combine.ACT_THEN_ADD and not step.linear:
        return replace(before, combine=Combine.ADD_THEN_ACT, act=step.act)
    if before.combine != Combine.NONE or (
        before.half and step.scale is not None
    ):  # bfloat16 could not hold its weights
        return None
    repeats = before.shuffle**2
    scale, shift = (None if part is None else np.repeat(part, repeats) for part in (step.scale, step.shift))
    bias = _plus(_times(before.bias, scale), shift)
    scaled = before if scale is None else _scaled(before, scale)
    return replace(scaled, bias=bias, act=before.act or step.act.repeated(repeats))


def _scales_alike(act: Activation, step: Unary) -> bool:
    """Whether scaling by `step`, which does nothing else, and activating may change places."""
    alike = act.kind in (Act.RELU, Act.LEAKY_RELU, Act.PRELU)
    return alike and not step.act and step.shift is None and step.scale is not None and bool(np.all(step.scale > 0))


def _quantize_after_unary(before: Unary, step: Quantize) -> Quantize | None:
    """Rule 4."""
    if before.act or before.shift is not None or step.factors is not None:
        return None
    return replace(step, inputs=before.inputs, factors=before.scale)


def _binary_after_conv(before: Conv, step: Binary) -> Conv | None:
    """Rule 3."""
    if not _is_plain(before) or step.spread != Spread.SAME:
        return None
    other = step.inputs[1] if step.inputs[0] == before.output else step.inputs[0]
    inputs = (before.inputs[0], other)
    if step.kind == BinaryKind.MUL and not step.act:
        return replace(before, inputs=inputs, combine=Combine.ACT_THEN_MUL)
    if before.act and step.act:
        return None
    if step.kind == BinaryKind.ADD:
        combine = Combine.ADD_THEN_ACT if step.act else Combine.ACT_THEN_ADD
        return replace(before, inputs=inputs, combine=combine, act=step.act or before.act)
    subtracted = step.inputs[1 if step.kind == BinaryKind.SUB else 0]
    if (
        step.kind in (BinaryKind.SUB, BinaryKind.REV_SUB)
        and subtracted == before.output
        and not (before.act or step.act)
    ):
        minus = np.full(len(before.weight), -1.0)
        bias = _times(before.bias, minus)
        return replace(_scaled(before, minus), inputs=inputs, bias=bias, combine=Combine.ACT_THEN_ADD)
    return None


def _permuted(before: Conv, order: Array) -> Conv:
    """Rule 5."""
    sparsity = before.sparsity
    return replace(
        before,
        weight=before.weight[order],
        bias=None if before.bias is None else before.bias[order],
        act=before.act.permuted(order),
        integers=before.integers and before.integers.permuted(order),
        sparsity=sparsity and Sparsity(sparsity.n, sparsity.m, sparsity.ranks[order]),
    )


def _as_conv(step: Permute) -> Conv:
    """A permutation that no convolution could take in."""
    weight = np.eye(step.channels, dtype=np.float32)[step.order, :, None, None]
    return Conv(label=step.label, inputs=step.inputs, output=step.output, weight=weight)


def _scaled(conv: Conv, scale: Array) -> Conv:
    """With the weights of each output channel multiplied."""
    weight = (conv.weight.astype(np.float64) * scale.reshape(-1, 1, 1, 1)).astype(np.float32)
    return replace(conv, weight=weight, integers=conv.integers and conv.integers.scaled(scale))


def _times(value: Array | None, scale: Array | None) -> Array | None:
    """A shift times a scale, per channel; absent shifts are zeros, absent scales ones."""
    if value is None:
        return None
    return value if scale is None else (value.astype(np.float64) * scale).astype(np.float32)


def _plus(value: Array | None, shift: Array | None) -> Array | None:
    if value is None or shift is None:
        return shift if value is None else value
    return (value.astype(np.float64) + shift).astype(np.float32)

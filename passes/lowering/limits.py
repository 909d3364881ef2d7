"""The bounds that the engine's plan loader sets, so that what it would refuse is refused by the node's name."""

from __future__ import annotations

from collections.abc import Iterator

from slsc.passes.lowering import nmp_ops
from slsc.passes.lowering.nmp import ALIGNMENT, Array, DType, Op, PlanFile
from slsc.passes.lowering.refusal import LoweringRefusal
from slsc.passes.lowering.steps import Conv, DepthToSpace, Pad, Pool, Resize, SpaceToDepth, Step

BOUNDS = {
    "kernel": 64,
    "stride": 16,
    "dilation": 64,
    "dilated kernel": 128,
    "convolution's padding": 128,
    "padding": 1 << 12,
    "number of parts": 64,
    "scale": 64,
    "pixel shuffle": 16,
    "channels of one tensor": 1 << 14,
    "product of strides": 1 << 10,
    "group size": 256,
    "number of tensors": 1 << 14,
    "number of arrays": 1 << 14,
    "number of operations": 1 << 14,
    "weights, bytes,": 1 << 31,
    "number of candidates": 16,
    "uses of each weight, on average,": 64,
}
"""The most of each that the engine takes: those of `runtime/native/src/plan/bounds.hpp`, which a test asks of it."""


def require_within(step: Step) -> None:
    """Refuse a step that exceeds the loader's bounds.

    Raises:
        LoweringRefusal: naming the node.
    """
    for what, value in _figures(step):
        if value > BOUNDS[what]:
            why = f"its {what} is {value}, {BOUNDS[what]} at most"
            raise LoweringRefusal("the native engine cannot run it", where=step.label, why=why)
    if isinstance(step, Pool) and any(pad >= step.kernel[side % 2] for side, pad in enumerate(step.pads)):
        why = f"its padding {step.pads} is not less than its window {step.kernel}"
        raise LoweringRefusal("the native engine cannot run it", where=step.label, why=why)


def require_whole_within(plan: PlanFile) -> None:
    """Refuse a plan whose totals exceed the loader's bounds.

    Raises:
        LoweringRefusal: saying which.
    """
    for what, value in _totals(plan):
        if value > BOUNDS[what]:
            why = f"{what} is {value}, {BOUNDS[what]} at most"
            raise LoweringRefusal("the native engine cannot run the network", why=why)


def _figures(step: Step) -> Iterator[tuple[str, int]]:
    match step:
        case Conv():
            rows, columns = step.weight.shape[2:]
            dilated = max((rows - 1) * step.dilations[0], (columns - 1) * step.dilations[1]) + 1
            yield from (("kernel", max(rows, columns)), ("stride", max(step.strides)))
            yield from (("dilation", max(step.dilations)), ("dilated kernel", dilated))
            yield from (("convolution's padding", max(step.pads)), ("pixel shuffle", step.shuffle))
        case Pool():
            yield from (("kernel", max(step.kernel)), ("stride", max(step.strides)))
        case Pad():
            yield from (("padding", max(map(abs, step.amounts))), ("number of parts", step.parts))
            yield "scale", max(map(abs, step.shares))
        case Resize(factor=factor) if factor is not None:
            yield "scale", max(factor.numerator, factor.denominator)
        case DepthToSpace() | SpaceToDepth():
            yield "pixel shuffle", step.block


def _totals(plan: PlanFile) -> Iterator[tuple[str, int]]:
    yield from (("channels of one tensor", max(plan.values)), ("product of strides", plan.row_align))
    yield from (("group size", plan.m), ("number of tensors", len(plan.values)))
    yield from (("number of arrays", len(plan.arrays)), ("number of operations", len(plan.ops)))
    yield "number of candidates", plan.candidates
    yield "weights, bytes,", sum(len(array.data) + ALIGNMENT for array in plan.arrays)
    stored = sum(len(array.data) for array in plan.arrays)
    used = sum(
        4 * _count(plan.arrays[weights])
        for op in plan.ops
        if isinstance(op.params, nmp_ops.Convolution)
        for weights in _weights(op, plan.candidates)
    )
    yield "uses of each weight, on average,", -(-used // stored) if stored else 0


def _weights(op: Op, candidates: int) -> list[int]:
    """The array of a convolution's weights by candidate."""
    assert isinstance(op.params, nmp_ops.Convolution)
    own = op.params.weights
    return [own, *([each.weights for each in op.sets] or [own] * (candidates - 1))]


def _count(array: Array) -> int:
    """Numbers in an array."""
    return len(array.data) // {DType.F32: 4, DType.BF16: 2, DType.I8: 1, DType.U8: 1}[array.dtype]

"""The bounds that the engine's plan loader sets, so that what it would refuse is refused by the node's name.

They are those of `runtime/native/src/plan_check.cpp`.
"""

from __future__ import annotations

from collections.abc import Iterator

from slsc.passes.lowering.nmp import PlanFile
from slsc.passes.lowering.refusal import LoweringRefusal
from slsc.passes.lowering.steps import Conv, DepthToSpace, Pad, Pool, Resize, SpaceToDepth, Step

MAX_CHANNELS = 1 << 14
MAX_KERNEL, MAX_STRIDE, MAX_DILATION, MAX_REACH = 64, 16, 64, 128
MAX_PAD, MAX_SHUFFLE, MAX_SCALE = 1 << 12, 16, 64
MAX_ROW_ALIGN = 1 << 10
MAX_RECORDS = 1 << 14
MAX_BLOB = 1 << 31


def require_within(step: Step) -> None:
    """Refuse a step that exceeds the loader's bounds.

    Raises:
        LoweringRefusal: naming the node.
    """
    for what, value, most in _figures(step):
        if value > most:
            why = f"its {what} is {value}, {most} at most"
            raise LoweringRefusal("the native engine cannot run it", where=step.label, why=why)


def require_whole_within(plan: PlanFile) -> None:
    """Refuse a plan whose totals exceed the loader's bounds.

    Raises:
        LoweringRefusal: saying which.
    """
    figures = (
        ("channels of one tensor", max(plan.values), MAX_CHANNELS),
        ("product of strides", plan.row_align, MAX_ROW_ALIGN),
        ("number of operations", max(len(plan.ops), len(plan.values), len(plan.arrays)), MAX_RECORDS),
        ("weights, bytes,", sum(map(len, plan.arrays)) + 64 * len(plan.arrays), MAX_BLOB),
    )
    for what, value, most in figures:
        if value > most:
            raise LoweringRefusal("the native engine cannot run the network", why=f"{what} is {value}, {most} at most")


def _figures(step: Step) -> Iterator[tuple[str, int, int]]:
    match step:
        case Conv():
            rows, columns = step.weight.shape[2:]
            reach = max((rows - 1) * step.dilations[0], (columns - 1) * step.dilations[1]) + 1
            yield from (("kernel", max(rows, columns), MAX_KERNEL), ("stride", max(step.strides), MAX_STRIDE))
            yield from (("dilation", max(step.dilations), MAX_DILATION), ("reach", reach, MAX_REACH))
            yield from (("padding", max(step.pads), MAX_REACH), ("shuffle", step.shuffle, MAX_SHUFFLE))
        case Pool():
            yield from (("window", max(step.kernel), MAX_KERNEL), ("stride", max(step.strides), MAX_STRIDE))
            for index, amount in enumerate(step.pads):
                yield "padding", amount, step.kernel[index % 2] - 1
        case Pad():
            yield "padding", max(map(abs, step.amounts)), MAX_PAD
            yield "number of parts", max(step.parts, *map(abs, step.shares)), MAX_SCALE
        case Resize(factor=factor) if factor is not None:
            yield "scale", max(factor.numerator, factor.denominator), MAX_SCALE
        case DepthToSpace() | SpaceToDepth():
            yield "block", step.block, MAX_SHUFFLE

"""Slice over channels, and over rows and columns as padding by negative amounts."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import onnx

from slsc.passes.graph import label
from slsc.passes.lowering.builder import Builder, Lower
from slsc.passes.lowering.limits import BOUNDS
from slsc.passes.lowering.nmp_ops import PadKind
from slsc.passes.lowering.padding import COLUMNS, ROWS, add_pad
from slsc.passes.lowering.refusal import refuse
from slsc.passes.lowering.steps import ChannelSlice, Pad, Permute


def slice_(node: onnx.NodeProto, build: Builder) -> None:
    """Slice(x, starts, ends, axes, steps) over channels; over rows or columns with steps of 1.

    What it cuts off must be the same at every size, or a share of the height or width, as of networks that take
    the image apart.
    """
    facts, output = build.facts, node.output[0]
    held = build.find(node, 0)
    order = _channel_order(node, build)
    if order is not None:
        build.add(
            Permute(
                label=label(node), inputs=(held,), output=output, order=order, channels=facts.channels(node.input[0])
            )
        )
        return
    cuts = _cuts(node, build)
    if any(any(cut) for cut in cuts.get(0, [])):
        raise refuse(node, "it slices the batch")
    if any(any(cut) for cut in cuts.get(1, [])):
        spatial = any(any(cut) for axis in (ROWS, COLUMNS) for cut in cuts.get(axis, []))
        made = f"{output}.channels" if spatial else output
        start, count = cuts[1][0][0], facts.channels(output)
        held = build.add(ChannelSlice(label=label(node), inputs=(held,), output=made, start=start, count=count))
    sides = [_share(node, build, cuts.get(axis, []), axis, side) for side in (0, 1) for axis in (ROWS, COLUMNS)]
    top, left, bottom, right = (-amount for amount, _ in sides)
    parts = math.lcm(*(share.denominator for _, share in sides))
    above, before, below, after = (-int(share * parts) for _, share in sides)
    add_pad(
        node,
        build,
        Pad(
            label=label(node),
            inputs=(held,),
            output=output,
            kind=PadKind.CONSTANT,
            amounts=(top, left, bottom, right),
            shares=(above, before, below, after),
            parts=parts if any(share for _, share in sides) else 0,
        ),
    )


def _channel_order(node: onnx.NodeProto, build: Builder) -> npt.NDArray[np.int64] | None:
    """The channels that a Slice over channels alone takes with another step than 1; else None."""
    facts = build.facts
    bounds = [facts.constant(name) if name else None for name in node.input[1:]]
    if len(bounds) < 4 or any(bound is None or bound.size != 1 for bound in bounds):
        return None
    start, end, axis, step = (int(bound.reshape(-1)[0]) for bound in bounds if bound is not None)
    if axis % facts.rank(node.input[0]) != 1 or step == 1:
        return None
    return np.arange(facts.channels(node.input[0]))[start:end:step]


def _cuts(node: onnx.NodeProto, build: Builder) -> dict[int, list[tuple[int, int]]]:
    """By axis, elements cut off before and after at every size."""
    facts, output = build.facts, node.output[0]
    starts = facts.values(node.input[1])
    axes = facts.constant(node.input[3]) if len(node.input) > 3 and node.input[3] else None
    steps = facts.constant(node.input[4]) if len(node.input) > 4 and node.input[4] else None
    if any(value is None for value in starts):
        raise refuse(node, "it starts where the image says")
    if steps is not None and np.any(steps != 1):
        raise refuse(node, "it leaves out pixels or reverses them")
    before, after = facts.shapes(node.input[0]), facts.shapes(output)
    cuts: dict[int, list[tuple[int, int]]] = {}
    for index, named in enumerate(range(len(after[0])) if axes is None else axes):
        axis = int(named) % len(after[0])
        for start, old, new in zip(starts, before, after, strict=True):
            if start is not None and index < len(start):
                first = _first(int(start[index]), old[axis])
                cuts.setdefault(axis, []).append((first, old[axis] - first - new[axis]))
    return cuts


def _share(
    node: onnx.NodeProto, build: Builder, cuts: list[tuple[int, int]], axis: int, side: int
) -> tuple[int, Fraction]:
    """Pixels cut off one side of an axis, as (constant, share of the axis)."""
    found = [cut[side] for cut in cuts]
    if len(set(found)) <= 1:
        return (found[0] if found else 0), Fraction(0)
    extents = [shape[axis] for shape in build.facts.shapes(node.input[0])]
    shares = {Fraction(cut, extent) for cut, extent in zip(found, extents, strict=True)}
    share = shares.pop()
    if shares or share.denominator > BOUNDS["number of parts"]:
        raise refuse(node, "what it cuts off follows the size of the image")
    return 0, share


def _first(start: int, size: int) -> int:
    return min(max(start + size if start < 0 else start, 0), size)


OPERATORS: dict[str, Lower] = {"Slice": slice_}

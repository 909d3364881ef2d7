"""Pad, and Slice over rows and columns as padding by negative amounts."""

from __future__ import annotations

import numpy as np
import onnx

from slsc.passes.graph import attribute, label
from slsc.passes.lowering.builder import Builder
from slsc.passes.lowering.refusal import refuse
from slsc.passes.lowering.steps import ChannelSlice, Pad

MODES = {"constant": 0, "reflect": 1, "edge": 2}
ROWS, COLUMNS = 2, 3


def pad(node: onnx.NodeProto, build: Builder) -> None:
    """Pad(x, pads, value, axes) over rows and columns."""
    source = build.find(node, 0)
    mode = attribute(node, "mode", "constant")
    if mode not in MODES:
        raise refuse(node, f"mode {mode!r} is not known")
    amounts = build.network.constant(node.input[1])
    if amounts is None:
        raise refuse(node, "its amounts follow the size of the image")
    axes = build.network.constant(node.input[3]) if len(node.input) > 3 and node.input[3] else np.arange(4)
    if axes is None:
        raise refuse(node, "its axes are computed")
    count = len(axes)
    before = {int(axis) % 4: int(amounts[index]) for index, axis in enumerate(axes)}
    after = {int(axis) % 4: int(amounts[count + index]) for index, axis in enumerate(axes)}
    if any(sides.get(axis, 0) for sides in (before, after) for axis in (0, 1)):
        raise refuse(node, "it pads the batch or the channels")
    quad = (before.get(ROWS, 0), before.get(COLUMNS, 0), after.get(ROWS, 0), after.get(COLUMNS, 0))
    _pad(node, build, source, MODES[mode], quad, _value(node, build))


def slice_(node: onnx.NodeProto, build: Builder) -> None:
    """Slice(x, starts, ends, axes, steps) over channels, rows or columns, with steps of 1."""
    network = build.network
    held, output = build.find(node, 0), node.output[0]
    starts = network.values(node.input[1])
    axes = network.constant(node.input[3]) if len(node.input) > 3 and node.input[3] else None
    steps = network.constant(node.input[4]) if len(node.input) > 4 and node.input[4] else None
    before, after = network.shapes(node.input[0]), network.shapes(output)
    if any(value is None for value in starts):
        raise refuse(node, "it starts where the image says")
    if steps is not None and np.any(steps != 1):
        raise refuse(node, "it leaves out pixels or reverses them")
    rank = network.rank(output)
    cuts = {}
    for index, axis in enumerate(range(len(starts[0])) if axes is None else axes):  # type: ignore[arg-type]
        axis = int(axis) % rank
        found = {
            (first := _first(int(start[index]), old[axis]), old[axis] - first - new[axis])  # type: ignore[index]
            for start, old, new in zip(starts, before, after, strict=True)
        }
        if len(found) > 1:
            raise refuse(node, "what it cuts off follows the size of the image")
        cuts[axis] = found.pop()
    if any(cuts.get(0, (0, 0))):
        raise refuse(node, "it slices the batch")
    if any(cuts.get(1, (0, 0))):
        spatial = any(any(cuts.get(axis, (0, 0))) for axis in (ROWS, COLUMNS))
        made = f"{output}.channels" if spatial else output
        count = after[0][1]
        held = build.add(ChannelSlice(label=label(node), inputs=(held,), output=made, start=cuts[1][0], count=count))
    (top, bottom), (left, right) = cuts.get(ROWS, (0, 0)), cuts.get(COLUMNS, (0, 0))
    _pad(node, build, held, MODES["constant"], (-top, -left, -bottom, -right), 0.0)


def _first(start: int, size: int) -> int:
    return min(max(start + size if start < 0 else start, 0), size)


def _value(node: onnx.NodeProto, build: Builder) -> float:
    if len(node.input) < 3 or not node.input[2]:
        return 0.0
    value = build.network.constant(node.input[2])
    if value is None or value.size != 1:
        raise refuse(node, "its value is computed")
    return float(value.reshape(-1)[0])


def _pad(
    node: onnx.NodeProto, build: Builder, source: str, kind: int, amounts: tuple[int, int, int, int], value: float
) -> None:
    output = node.output[0]
    if not any(amounts):
        build.same(output, source)
        return
    if build.space(source).pixel:
        raise refuse(node, "it pads or cuts a tensor of one pixel")
    build.add(Pad(label=label(node), inputs=(source,), output=output, kind=kind, amounts=amounts, value=value))

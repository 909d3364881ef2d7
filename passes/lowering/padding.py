"""Pad over rows and columns."""

from __future__ import annotations

import numpy as np
import onnx

from slsc.passes.graph import attribute, label
from slsc.passes.lowering.builder import Builder, Lower
from slsc.passes.lowering.nmp import PadKind
from slsc.passes.lowering.refusal import refuse
from slsc.passes.lowering.steps import Pad

MODES = {"constant": PadKind.CONSTANT, "reflect": PadKind.REFLECT, "edge": PadKind.EDGE}
ROWS, COLUMNS = 2, 3


def pad(node: onnx.NodeProto, build: Builder) -> None:
    """Pad(x, pads, value, axes) over rows and columns."""
    source = build.find(node, 0)
    mode = attribute(node, "mode", "constant")
    if mode not in MODES:
        raise refuse(node, f"mode {mode!r} is not known")
    amounts = build.facts.constant(node.input[1])
    if amounts is None:
        raise refuse(node, "its amounts follow the size of the image")
    axes = build.facts.constant(node.input[3]) if len(node.input) > 3 and node.input[3] else np.arange(4)
    if axes is None:
        raise refuse(node, "its axes are computed")
    count = len(axes)
    before = {int(axis) % 4: int(amounts[index]) for index, axis in enumerate(axes)}
    after = {int(axis) % 4: int(amounts[count + index]) for index, axis in enumerate(axes)}
    if any(sides.get(axis, 0) for sides in (before, after) for axis in (0, 1)):
        raise refuse(node, "it pads the batch or the channels")
    add_pad(
        node,
        build,
        Pad(
            label=label(node),
            inputs=(source,),
            output=node.output[0],
            kind=MODES[mode],
            amounts=(before.get(ROWS, 0), before.get(COLUMNS, 0), after.get(ROWS, 0), after.get(COLUMNS, 0)),
            value=_value(node, build),
        ),
    )


def add_pad(node: onnx.NodeProto, build: Builder, step: Pad) -> None:
    """Append a `Pad` step that makes the node's output, or nothing where it would change nothing."""
    (source,) = step.inputs
    if not any(step.amounts) and not step.parts:
        build.same(step.output, source)
        return
    if build.space(source).pixel:
        raise refuse(node, "it pads or cuts a tensor of one pixel")
    build.add(step)


def _value(node: onnx.NodeProto, build: Builder) -> float:
    if len(node.input) < 3 or not node.input[2]:
        return 0.0
    value = build.facts.constant(node.input[2])
    if value is None or value.size != 1:
        raise refuse(node, "its value is computed")
    return float(value.reshape(-1)[0])


OPERATORS: dict[str, Lower] = {"Pad": pad}

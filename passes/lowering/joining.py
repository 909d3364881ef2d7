"""Concat over rows or columns, of networks that restore parts of the image apart: every part padded, then added."""

from __future__ import annotations

import onnx

from slsc.passes.graph import attribute, label
from slsc.passes.lowering.builder import Builder
from slsc.passes.lowering.nmp import BinaryKind, PadKind, Spread
from slsc.passes.lowering.padding import ROWS
from slsc.passes.lowering.refusal import refuse
from slsc.passes.lowering.steps import Binary, Pad


def join(node: onnx.NodeProto, build: Builder) -> None:
    """Concat of parts of one size."""
    facts, output = build.facts, node.output[0]
    axis, count = attribute(node, "axis", 1) % 4, len(node.input)
    first = facts.shapes(node.input[0])
    if any(facts.shapes(name) != first for name in node.input):
        raise refuse(node, "it joins parts of different sizes")
    held = ""
    for index in range(count):
        source = build.find(node, index)
        if build.space(source).pixel:
            raise refuse(node, "it joins single pixels")
        before, after = index, count - 1 - index
        shares = (before, 0, after, 0) if axis == ROWS else (0, before, 0, after)
        placed = build.add(
            Pad(
                label=label(node),
                inputs=(source,),
                output=f"{output}.part{index}",
                kind=PadKind.CONSTANT,
                amounts=(0, 0, 0, 0),
                shares=shares,
                parts=1,
            )
        )
        if held:
            made = output if index == count - 1 else f"{output}.joined{index}"
            add = Binary(label=label(node), inputs=(held, placed), output=made, kind=BinaryKind.ADD, spread=Spread.SAME)
            placed = build.add(add)
        held = placed
    build.same(output, held)

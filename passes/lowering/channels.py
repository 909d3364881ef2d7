"""Concat, Split and Gather over channels: no work, only offsets, unless the order changes."""

from __future__ import annotations

import numpy as np
import onnx

from slsc.passes.graph import attribute, label
from slsc.passes.lowering.builder import Builder, Lower
from slsc.passes.lowering.joining import join
from slsc.passes.lowering.padding import COLUMNS, ROWS
from slsc.passes.lowering.refusal import refuse
from slsc.passes.lowering.steps import ChannelSlice, Concat, Permute


def concat(node: onnx.NodeProto, build: Builder) -> None:
    """Concat over channels; over rows or columns it is a sum of padded tensors."""
    if attribute(node, "axis", 1) % build.facts.rank(node.output[0]) in (ROWS, COLUMNS):
        join(node, build)
        return
    _require_channels(node, build, 1)
    inputs = tuple(build.find(node, index) for index in range(len(node.input)))
    if len({build.space(name).pixel for name in inputs}) > 1:
        raise refuse(node, "it joins single pixels with images")
    if len(inputs) == 1:
        build.same(node.output[0], inputs[0])
        return
    build.add(Concat(label=label(node), inputs=inputs, output=node.output[0]))


def split(node: onnx.NodeProto, build: Builder) -> None:
    """Split over channels."""
    _require_channels(node, build, 0)
    source, start = build.find(node, 0), 0
    for output in node.output:
        count = build.facts.channels(output)
        build.add(ChannelSlice(label=label(node), inputs=(source,), output=output, start=start, count=count))
        start += count


def gather(node: onnx.NodeProto, build: Builder) -> None:
    """Gather of constant channels: a slice, or a new order."""
    _require_channels(node, build, 0)
    source, indices = build.find(node, 0), build.facts.constant(node.input[1])
    channels, output = build.space(source).channels, node.output[0]
    if indices is None or indices.ndim != 1 or not indices.size:
        raise refuse(node, "its indices are no constant list of channels")
    order = indices.astype(np.int64) % channels
    if np.array_equal(order, np.arange(order[0], order[0] + len(order))):
        build.add(
            ChannelSlice(label=label(node), inputs=(source,), output=output, start=int(order[0]), count=len(order))
        )
    else:
        build.add(Permute(label=label(node), inputs=(source,), output=output, order=order, channels=channels))


def _require_channels(node: onnx.NodeProto, build: Builder, default: int) -> None:
    axis = attribute(node, "axis", default) % build.facts.rank(node.input[0])
    if axis != 1:
        raise refuse(node, f"axis {axis} is not the channel axis")


OPERATORS: dict[str, Lower] = {
    "Concat": concat,
    "Gather": gather,
    "Split": split,
}

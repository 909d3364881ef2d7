"""Pools over windows, and means over the whole image or over channels."""

from __future__ import annotations

import onnx

from slsc.passes.graph import attribute, label
from slsc.passes.lowering.builder import Builder
from slsc.passes.lowering.nmp import PoolKind
from slsc.passes.lowering.refusal import refuse
from slsc.passes.lowering.steps import ChannelMean, GlobalMean, Pool
from slsc.passes.lowering.windows import window_of

CHANNELS, SPACE = {1}, {2, 3}


def pool(node: onnx.NodeProto, build: Builder) -> None:
    """MaxPool and AveragePool."""
    source = build.find(node, 0)
    window = window_of(node, build, attribute(node, "kernel_shape"))
    if window.dilations != (1, 1):
        raise refuse(node, "its window is dilated")
    if len(node.output) > 1 and node.output[1]:
        raise refuse(node, "it tells where the maximum was")
    if build.space(source).pixel:
        raise refuse(node, "it has a window over a tensor of one pixel")
    kind = PoolKind.MAX
    if node.op_type == "AveragePool":
        padded = attribute(node, "count_include_pad", 0)
        kind = PoolKind.AVERAGE_WITH_PADDING if padded else PoolKind.AVERAGE
    build.add(
        Pool(
            label=label(node),
            inputs=(source,),
            output=node.output[0],
            kind=kind,
            kernel=window.kernel,
            strides=window.strides,
            pads=window.pads,
            ceil=bool(attribute(node, "ceil_mode", 0)),
        )
    )


def global_average(node: onnx.NodeProto, build: Builder) -> None:
    """GlobalAveragePool."""
    _mean(node, build, SPACE)


def reduce_mean(node: onnx.NodeProto, build: Builder) -> None:
    """ReduceMean over height and width, over channels, or over all of them."""
    rank = build.network.rank(node.input[0])
    axes = attribute(node, "axes")
    if axes is None and len(node.input) > 1 and node.input[1]:
        axes = build.network.constant(node.input[1])
    if axes is None:
        raise refuse(node, "it takes the mean over the batch too")
    over = {int(axis) % rank for axis in axes}
    if over not in (CHANNELS, SPACE, CHANNELS | SPACE):
        raise refuse(node, f"the mean over axes {sorted(over)} is not known")
    if not attribute(node, "keepdims", 1) and over != SPACE:
        raise refuse(node, "it drops the channel axis")
    _mean(node, build, over)


def _mean(node: onnx.NodeProto, build: Builder, over: set[int]) -> None:
    held, output = build.find(node, 0), node.output[0]
    if over >= SPACE and not build.space(held).pixel:
        made = output if over == SPACE else f"{output}.mean"
        held = build.add(GlobalMean(label=label(node), inputs=(held,), output=made))
    if over >= CHANNELS and build.space(held).channels > 1:
        held = build.add(ChannelMean(label=label(node), inputs=(held,), output=output))
    build.same(output, held)

"""Pools over windows, means over the whole image or over channels, and normalization by what lies behind them."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from slsc.passes.graph import attribute, label
from slsc.passes.lowering.builder import Builder, Lower
from slsc.passes.lowering.nmp_ops import InstanceNorm, PoolKind
from slsc.passes.lowering.refusal import refuse
from slsc.passes.lowering.steps import Array, Arrays, ChannelMean, GlobalMean, Pool, Step
from slsc.passes.lowering.windows import Window, window_of

CHANNELS, SPACE = {1}, {2, 3}


def pool(node: onnx.NodeProto, build: Builder) -> None:
    """MaxPool and AveragePool."""
    source = build.find(node, 0)
    window = window_of(node, build, attribute(node, "kernel_shape"))
    if window.dilations != (1, 1):
        raise refuse(node, "its window is dilated")
    if len(node.output) > 1 and node.output[1]:
        raise refuse(node, "it tells where the maximum was")
    if node.op_type == "AveragePool" and _covers(node, build, window):
        _mean(node, build, SPACE)
        return
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


def _covers(node: onnx.NodeProto, build: Builder, window: Window) -> bool:
    """Whether the window is the whole image, as in networks of one size that once had global pooling."""
    unpadded = not any(window.pads)
    return unpadded and all(shape[2:] == window.kernel for shape in build.facts.shapes(node.input[0]))


def global_average(node: onnx.NodeProto, build: Builder) -> None:
    """GlobalAveragePool."""
    _mean(node, build, SPACE)


def reduce_mean(node: onnx.NodeProto, build: Builder) -> None:
    """ReduceMean over height and width, over channels, or over all of them."""
    rank = build.facts.rank(node.input[0])
    axes = attribute(node, "axes")
    if axes is None and len(node.input) > 1 and node.input[1]:
        axes = build.facts.constant(node.input[1])
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


@dataclass(frozen=True, eq=False, kw_only=True)
class InstanceNormalization(Step):
    """scale * (x - mean) / sqrt(variance + epsilon) + shift by channel, the mean and variance over height and width."""

    scale: Array
    shift: Array
    epsilon: float

    def params(self, channels: int, arrays: Arrays) -> InstanceNorm:
        """See `Step.params`."""
        return InstanceNorm(channels, arrays.floats(self.scale), arrays.floats(self.shift), self.epsilon)


def instance_normalization(node: onnx.NodeProto, build: Builder) -> None:
    """InstanceNormalization."""
    scale, shift = (build.facts.constant(name) for name in node.input[1:3])
    if scale is None or shift is None:
        raise refuse(node, "its scale or shift is no constant")
    epsilon = attribute(node, "epsilon", 1e-5)
    if not epsilon > 0:
        raise refuse(node, f"its epsilon is {epsilon}, which does not keep it from dividing by 0")
    build.add(
        InstanceNormalization(
            label=label(node),
            inputs=(build.find(node, 0),),
            output=node.output[0],
            scale=scale,
            shift=shift,
            epsilon=epsilon,
        )
    )


OPERATORS: dict[str, Lower] = {
    **dict.fromkeys(("MaxPool", "AveragePool"), pool),
    "GlobalAveragePool": global_average,
    "InstanceNormalization": instance_normalization,
    "ReduceMean": reduce_mean,
}

"""Removing channels from a graph: every weight cut, every node that names channels by number told the new ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from slsc.passes.analysis.shapes import concrete_shapes, sample_sizes
from slsc.passes.base import Pass, PassContext, PassResult, PostconditionError, PreconditionError, copy_of
from slsc.passes.graph import attribute, drop_unused, initializers, label, set_initializer
from slsc.passes.narrowing.channels import Channels
from slsc.passes.narrowing.classes import FIXED
from slsc.passes.narrowing.rules import channel_range, is_depthwise, splits_channels
from slsc.passes.narrowing.walk import CHANNEL_AXIS


class NarrowChannels(Pass):
    """A network without some of its channels.

    1. Of every initializer that `channels` follows, the slices of removed classes go.
    2. Splits, slices and gathers along the channels, and sizes given as constants, are told the new numbers; a
       depthwise convolution has as many groups as channels left.
    3. Nothing else changes: nodes, names of values and of initializers stay.

    The narrow network computes what the whole one would if every convolution read zeros in place of the removed
    channels. Where removed channels are zero once their filters and biases are (no sigmoid, say, between a filter and
    the convolution that reads it) that is the whole network with those filters and biases set to zero.

    Args:
        channels: of the model this will run on, from `follow_channels`.
        keep: (channels.count,) bool, True for the classes to keep.
    """

    name = "narrow-channels"
    preserves_function = False

    def __init__(self, channels: Channels, keep: npt.NDArray[np.bool_]) -> None:
        self.channels, self.keep = channels, keep

    def requires(self, model: onnx.ModelProto, context: PassContext) -> None:
        """The channels are this model's; those that must stay do, and no width vanishes."""
        dims = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
        for (name, axis), ids in self.channels.axes.items():
            if name not in dims or dims[name][axis] != len(ids):
                raise PreconditionError("the channels are those of another network", where=name)
        if self.keep.shape != (self.channels.count,) or not self.keep[FIXED]:
            raise PreconditionError("the choice does not fit the network's channels")
        for width in self.channels.widths:
            if not self.keep[list(width.classes)].any():
                raise PreconditionError("every channel of a width would go", where=width.value)

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Rules 1 to 3."""
        result = copy_of(model)
        arrays = initializers(result)
        cut = {name: self._cut(name, array) for name, array in arrays.items()}
        for name, array in cut.items():
            if array.shape != arrays[name].shape:
                set_initializer(result, name, array)
        for node in result.graph.node:
            rewrite = _REWRITES.get(node.op_type)
            if rewrite and node.input[0] in self.channels.values:
                rewrite(node, result, self, arrays)
        del result.graph.value_info[:]
        drop_unused(result)
        removed = int((~self.keep).sum())
        widths = [
            {"value": width.value, "channels": len(width.classes), "kept": int(self.keep[list(width.classes)].sum())}
            for width in self.channels.widths
        ]
        return PassResult(result, removed > 0, {"widths": widths, "not_narrowed": list(self.channels.kept)})

    def ensures(self, model: onnx.ModelProto, context: PassContext) -> None:
        """Every value that was followed has as many channels as were kept of it."""
        shapes = concrete_shapes(model, sample_sizes(model)[0]).of
        for node in model.graph.node:
            for name in node.output:
                if name in self.channels.values and shapes[name][CHANNEL_AXIS] != self.left(name):
                    why = f"{shapes[name][CHANNEL_AXIS]} channels, {self.left(name)} were kept"
                    raise PostconditionError("it does not make the channels it should", where=label(node), why=why)

    def left(self, value: str) -> int:
        """How many channels of a value stay."""
        return int(self.keep[self.channels.values[value]].sum())

    def _cut(self, name: str, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        for axis in range(array.ndim):
            if (name, axis) in self.channels.axes:
                array = array.take(np.flatnonzero(self.keep[self.channels.axes[name, axis]]), axis)
        return array


Arrays = dict[str, npt.NDArray[Any]]


def _rewrite_conv(node: onnx.NodeProto, result: onnx.ModelProto, narrow: NarrowChannels, before: Arrays) -> None:
    if is_depthwise(node, len(narrow.channels.values[node.input[0]])):
        _set_attribute(node, "group", narrow.left(node.input[0]))


def _rewrite_split(node: onnx.NodeProto, result: onnx.ModelProto, narrow: NarrowChannels, before: Arrays) -> None:
    if not splits_channels(node) or node.output[0] not in narrow.channels.values:
        return
    sizes = [narrow.left(name) for name in node.output]
    _drop_attribute(node, "num_outputs")
    if attribute(node, "split") is not None:
        _set_attribute(node, "split", sizes)
    else:
        _set_operand(node, 1, np.array(sizes, np.int64), result)


def _rewrite_slice(node: onnx.NodeProto, result: onnx.ModelProto, narrow: NarrowChannels, before: Arrays) -> None:
    if node.output[0] not in narrow.channels.values:
        return
    kept = narrow.keep[narrow.channels.values[node.input[0]]]
    taken = channel_range(node, before, len(kept))
    if taken is None or len(taken) == len(kept):
        return
    starts, ends = before[node.input[1]].copy(), before[node.input[2]].copy()
    axes = before[node.input[3]] if len(node.input) > 3 and node.input[3] else np.arange(len(starts))
    at = np.flatnonzero(axes % 4 == CHANNEL_AXIS)
    starts[at], ends[at] = kept[: taken.start].sum(), kept[: taken.stop].sum()
    _set_operand(node, 1, starts, result)
    _set_operand(node, 2, ends, result)


def _rewrite_gather(node: onnx.NodeProto, result: onnx.ModelProto, narrow: NarrowChannels, before: Arrays) -> None:
    if not splits_channels(node) or node.output[0] not in narrow.channels.values:
        return
    kept = narrow.keep[narrow.channels.values[node.input[0]]]
    indices = before[node.input[1]] % len(kept)
    _set_operand(node, 1, (np.cumsum(kept) - 1)[indices[kept[indices]]], result)


def _rewrite_resize(node: onnx.NodeProto, result: onnx.ModelProto, narrow: NarrowChannels, before: Arrays) -> None:
    sizes = before.get(node.input[3]) if len(node.input) > 3 else None
    if sizes is not None and len(sizes) > 2 and node.output[0] in narrow.channels.values:
        fresh = sizes.copy()
        fresh[CHANNEL_AXIS] = narrow.left(node.output[0])
        _set_operand(node, 3, fresh, result)


_REWRITES: dict[str, Callable[[onnx.NodeProto, onnx.ModelProto, NarrowChannels, Arrays], None]] = {
    "Conv": _rewrite_conv,
    "ConvTranspose": _rewrite_conv,
    "Split": _rewrite_split,
    "Slice": _rewrite_slice,
    "Gather": _rewrite_gather,
    "Resize": _rewrite_resize,
}


def _set_operand(node: onnx.NodeProto, position: int, value: npt.NDArray[Any], model: onnx.ModelProto) -> None:
    """Give a node an initializer of its own: others may use the old one for other channels."""
    taken = {tensor.name for tensor in model.graph.initializer}
    name = f"{node.output[0]}:{position}"
    while name in taken:
        name += "_"
    set_initializer(model, name, value)
    node.input.extend([""] * (position + 1 - len(node.input)))
    node.input[position] = name


def _set_attribute(node: onnx.NodeProto, name: str, value: Any) -> None:
    _drop_attribute(node, name)
    node.attribute.append(helper.make_attribute(name, value))


def _drop_attribute(node: onnx.NodeProto, name: str) -> None:
    kept = [attr for attr in node.attribute if attr.name != name]
    del node.attribute[:]
    node.attribute.extend(kept)

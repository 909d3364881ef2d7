"""Telling the nodes that name channels by number that there are others now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from slsc.passes.graph import attribute, initializers, set_initializer
from slsc.passes.narrowing.channels import Channels
from slsc.passes.narrowing.rules import channel_range, is_depthwise, splits_channels
from slsc.passes.narrowing.walk import CHANNEL_AXIS

Arrays = dict[str, npt.NDArray[Any]]


class Numbers(Protocol):
    """Where the channels of the graph's values have gone.

    Attributes:
        channels: of the graph before.
    """

    channels: Channels

    def count(self, value: str) -> int:
        """How many channels a value has now."""

    def place(self, value: str, channel: int) -> int:
        """How many channels come now before what was `channel`, 0 to the number there were."""

    def taken(self, value: str, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The numbers now of those of some channels that are still there, in the order given."""


def renumber(model: onnx.ModelProto, numbers: Numbers) -> None:
    """Rewrite a graph in place.

    Splits, slices and gathers along the channels, and sizes given as constants, are told the new numbers; a depthwise
    convolution has as many groups as channels. Initializers that are weights are not touched.
    """
    before = initializers(model)
    for node in model.graph.node:
        rewrite = _REWRITES.get(node.op_type)
        if rewrite and node.input[0] in numbers.channels.values:
            rewrite(node, model, numbers, before)


def _conv(node: onnx.NodeProto, model: onnx.ModelProto, numbers: Numbers, before: Arrays) -> None:
    if is_depthwise(node, len(numbers.channels.values[node.input[0]])):
        _set_attribute(node, "group", numbers.count(node.input[0]))


def _split(node: onnx.NodeProto, model: onnx.ModelProto, numbers: Numbers, before: Arrays) -> None:
    if not splits_channels(node) or node.output[0] not in numbers.channels.values:
        return
    sizes = [numbers.count(name) for name in node.output]
    _drop_attribute(node, "num_outputs")
    if attribute(node, "split") is not None:
        _set_attribute(node, "split", sizes)
    else:
        _set_operand(node, 1, np.array(sizes, np.int64), model)


def _slice(node: onnx.NodeProto, model: onnx.ModelProto, numbers: Numbers, before: Arrays) -> None:
    if node.output[0] not in numbers.channels.values:
        return
    value = node.input[0]
    channels = len(numbers.channels.values[value])
    taken = channel_range(node, before, channels)
    if taken is None or len(taken) == channels:
        return
    starts, ends = before[node.input[1]].copy(), before[node.input[2]].copy()
    axes = before[node.input[3]] if len(node.input) > 3 and node.input[3] else np.arange(len(starts))
    at = np.flatnonzero(axes % 4 == CHANNEL_AXIS)
    starts[at], ends[at] = numbers.place(value, taken.start), numbers.place(value, taken.stop)
    _set_operand(node, 1, starts, model)
    _set_operand(node, 2, ends, model)


def _gather(node: onnx.NodeProto, model: onnx.ModelProto, numbers: Numbers, before: Arrays) -> None:
    if not splits_channels(node) or node.output[0] not in numbers.channels.values:
        return
    indices = before[node.input[1]] % len(numbers.channels.values[node.input[0]])
    _set_operand(node, 1, numbers.taken(node.input[0], indices), model)


def _resize(node: onnx.NodeProto, model: onnx.ModelProto, numbers: Numbers, before: Arrays) -> None:
    sizes = before.get(node.input[3]) if len(node.input) > 3 else None
    if sizes is not None and len(sizes) > 2 and node.output[0] in numbers.channels.values:
        fresh = sizes.copy()
        fresh[CHANNEL_AXIS] = numbers.count(node.output[0])
        _set_operand(node, 3, fresh, model)


_REWRITES: dict[str, Callable[[onnx.NodeProto, onnx.ModelProto, Numbers, Arrays], None]] = {
    "Conv": _conv,
    "ConvTranspose": _conv,
    "Split": _split,
    "Slice": _slice,
    "Gather": _gather,
    "Resize": _resize,
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

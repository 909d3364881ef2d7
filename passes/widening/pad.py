"""More hidden channels than a network needs, so that their number suits the hardware."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from slsc.passes.base import Pass, PassContext, PassResult, PreconditionError, copy_of
from slsc.passes.graph import CONVOLUTIONS, FLOAT_TYPES, initializers, label, set_initializer
from slsc.passes.narrowing import Channels, Width
from slsc.passes.narrowing.classes import Ids
from slsc.passes.narrowing.conditions import require_counts, require_own_channels
from slsc.passes.narrowing.renumber import renumber
from slsc.passes.weights import Weights
from slsc.passes.widening.layout import Layout, layout

# fmt: off
FINITE = frozenset((
    "Abs", "Add", "AveragePool", "BatchNormalization", "Cast", "Ceil", "Clip", "Concat", "Conv", "ConvTranspose",
    "DepthToSpace", "Elu", "Erf", "Floor", "Gelu", "GlobalAveragePool", "GlobalMaxPool", "HardSigmoid", "HardSwish",
    "Identity", "InstanceNormalization", "LeakyRelu", "Max", "MaxPool", "Mean", "Min", "Mish", "Mul", "Neg", "PRelu",
    "Pad", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "Relu", "Resize", "Round", "Selu", "Shape", "Sigmoid",
    "Sign", "Slice", "Softplus", "Softsign", "SpaceToDepth", "Split", "Sub", "Sum", "Tanh", "Upsample",
))
# fmt: on
"""Operators that make finite numbers of finite numbers, zeros included. A division, say, would not."""


class PadChannels(Pass):
    """A network with more hidden channels, which nobody reads.

    1. Every chosen width gets new channels after its last one, in all values it runs through: concatenations, splits
       and slices, pixel shuffles and the groups of depthwise convolutions follow.
    2. The filters and biases that make new channels are zeros, and so are the weights of every convolution that reads
       them. Other parameters (slopes, scales) are those of the channel beside.
    3. Numbers of channels in nodes are told the new ones; nodes and names stay.

    The network computes what it did, as zeros times finite numbers are zero; which is why the new channels must run
    through operators of `FINITE` only (`why_not`).

    Args:
        channels: of the model this will run on, from `follow_channels`.
        more: new channels by the last class of a width; a width without an entry stays.
    """

    name = "pad-channels"

    def __init__(self, channels: Channels, more: Mapping[int, int]) -> None:
        self.channels, self.more = channels, dict(more)

    def requires(self, model: onnx.ModelProto, context: PassContext) -> None:
        """The channels are this model's, and every width to be padded may be."""
        require_own_channels(model, self.channels)
        widths = {width.classes[-1]: width for width in self.channels.widths}
        for last, count in self.more.items():
            if last not in widths or count < 0:
                raise PreconditionError("the choice does not fit the network's channels")
            if count and (why := why_not(model, self.channels, widths[last])):
                raise PreconditionError("the width cannot be padded", where=widths[last].value, why=why)

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Rules 1 to 3."""
        result = copy_of(model)
        zeroed = _zeroed(model)
        wide: dict[str, npt.NDArray[Any]] = {}
        arrays = initializers(model)
        for (name, axis), ids in self.channels.axes.items():
            found = layout(ids, self.more)
            if found.fresh.any():
                wide[name] = found.widened(wide.get(name, arrays[name]), axis, name in zeroed)
        for name, array in wide.items():
            set_initializer(result, name, array)
        renumber(result, self)
        del result.graph.value_info[:]
        widths = [
            {"value": width.value, "channels": len(width.classes), "added": self.more[width.classes[-1]]}
            for width in self.channels.widths
            if self.more.get(width.classes[-1])
        ]
        return PassResult(result, bool(widths), {"widths": widths})

    def ensures(self, model: onnx.ModelProto, context: PassContext) -> None:
        """Every value that was followed has the channels it should."""
        require_counts(model, self.channels, self.count)

    def count(self, value: str) -> int:
        """How many channels a value has now."""
        return self.widened(self.channels.values[value])

    def widened(self, ids: Ids) -> int:
        """How many channels there are now of those of the classes `ids`."""
        return len(ids) + sum(self.more.get(each, 0) for each in ids.tolist())

    def place(self, value: str, channel: int) -> int:
        """How many channels come now before what was `channel`."""
        found = self._layout(value)
        own = np.flatnonzero(~found.fresh)
        return int(own[channel]) if channel < len(own) else len(found.sources)

    def taken(self, value: str, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The new numbers of some channels; no Gather reads new ones (`why_not`)."""
        return np.flatnonzero(~self._layout(value).fresh)[indices]

    def _layout(self, value: str) -> Layout:
        return layout(self.channels.values[value], self.more)


def why_not(model: onnx.ModelProto, channels: Channels, width: Width) -> str:
    """Why a width cannot be padded, naming the node; empty where it can."""
    if len(width.classes) < 2:
        return "it is one channel"
    through = {name for name, ids in channels.values.items() if np.isin(width.classes, ids).any()}
    for node in model.graph.node:
        if through.intersection((*node.input, *node.output)) and (node.op_type not in FINITE or node.domain):
            return f"{label(node)} may make numbers of zeros that are not finite, or reorders channels"
    types = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    for (name, _), ids in channels.axes.items():
        if np.isin(width.classes, ids).any() and types[name] not in FLOAT_TYPES:
            return f"{name!r} is stored in another type than float"
    return ""


def _zeroed(model: onnx.ModelProto) -> set[str]:
    """Weights and biases of convolutions."""
    weights = Weights(model)
    operands = [name for node in model.graph.node if node.op_type in CONVOLUTIONS for name in node.input[1:] if name]
    return {weights.source_of(name) or name for name in operands}

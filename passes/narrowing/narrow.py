"""Removing channels from a graph: every weight cut, every node that names channels by number told the new ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from slsc.passes.base import Pass, PassContext, PassResult, PreconditionError, copy_of
from slsc.passes.graph import drop_unused, initializers, set_initializer
from slsc.passes.narrowing.channels import Channels
from slsc.passes.narrowing.classes import FIXED
from slsc.passes.narrowing.conditions import require_counts, require_own_channels
from slsc.passes.narrowing.renumber import renumber


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
        require_own_channels(model, self.channels)
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
        renumber(result, self)
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
        require_counts(model, self.channels, self.count)

    def count(self, value: str) -> int:
        """How many channels of a value stay."""
        return int(self.keep[self.channels.values[value]].sum())

    def place(self, value: str, channel: int) -> int:
        """How many of the channels before `channel` stay."""
        return int(self.keep[self.channels.values[value]][:channel].sum())

    def taken(self, value: str, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The new numbers of those of some channels that stay."""
        kept = self.keep[self.channels.values[value]]
        numbers: npt.NDArray[np.int64] = (np.cumsum(kept) - 1)[indices[kept[indices]]]
        return numbers

    def _cut(self, name: str, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        for axis in range(array.ndim):
            if (name, axis) in self.channels.axes:
                array = array.take(np.flatnonzero(self.keep[self.channels.axes[name, axis]]), axis)
        return array

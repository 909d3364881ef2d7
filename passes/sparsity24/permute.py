"""Changing the order of a network's channels: every weight permuted along, so that the output stays what it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from slsc.passes.base import Pass, PassContext, PassResult, PreconditionError, copy_of
from slsc.passes.graph import initializers, set_initializer
from slsc.passes.narrowing import Channels
from slsc.passes.narrowing.conditions import require_own_channels
from slsc.passes.sparsity24.freedom import orbits, sources


class PermuteChannels(Pass):
    """A network with some of its hidden channels in another order.

    1. Of every initializer that `channels` follows, the slices along its axes change places as the classes do:
       filters, biases, slopes and scales of what makes a channel, and the weights of everything that reads it.
    2. Channels change places only within an orbit (`slsc.passes.sparsity24.freedom.orbits`), so that residual sums,
       concatenations and pixel shuffles meet the channels they met before.
    3. Nothing else changes: nodes, names, shapes, and values of weights but for their order.

    The network's output is the same but for the order in which numbers are summed up.

    Args:
        channels: of the model this will run on, from `follow_channels`.
        order: (channels.count,), `order[c]` is the class that takes the place of class c.
    """

    name = "permute-channels"

    def __init__(self, channels: Channels, order: npt.NDArray[np.int64]) -> None:
        self.channels, self.order = channels, order

    def requires(self, model: onnx.ModelProto, context: PassContext) -> None:
        """The channels are this model's, and every one of them stays in its orbit."""
        require_own_channels(model, self.channels)
        if not np.array_equal(np.sort(self.order), np.arange(self.channels.count)):
            raise PreconditionError("the order is no permutation of the network's channels")
        free = {number: orbit for orbit in orbits(model, self.channels) for number in orbit.classes}
        for number in np.flatnonzero(self.order != np.arange(self.channels.count)).tolist():
            if number not in free or int(self.order[number]) not in free[number].classes:
                where = next(name for name, ids in self.channels.values.items() if number in ids)
                raise PreconditionError("a channel would leave its orbit", where=where)

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Rules 1 to 3."""
        result = copy_of(model)
        arrays = initializers(result)
        moved: dict[str, npt.NDArray[Any]] = {}
        for (name, axis), ids in self.channels.axes.items():
            places = sources(ids, self.order)
            if not np.array_equal(places, np.arange(len(ids))):
                moved[name] = moved.get(name, arrays[name]).take(places, axis)
        for name, array in moved.items():
            set_initializer(result, name, array)
        changed = int((self.order != np.arange(self.channels.count)).sum())
        return PassResult(result, changed > 0, {"channels": changed, "initializers": sorted(moved)})

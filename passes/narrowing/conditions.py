"""Conditions of the passes that change how many channels there are, or their order."""

from __future__ import annotations

from collections.abc import Callable

import onnx

from slsc.passes.analysis.shapes import concrete_shapes, sample_size
from slsc.passes.base import PostconditionError, PreconditionError
from slsc.passes.graph import label
from slsc.passes.narrowing.channels import Channels
from slsc.passes.narrowing.walk import CHANNEL_AXIS


def require_own_channels(model: onnx.ModelProto, channels: Channels) -> None:
    """Check that channels were followed in this model.

    Raises:
        PreconditionError: they were in another.
    """
    dims = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    for (name, axis), ids in channels.axes.items():
        if name not in dims or dims[name][axis] != len(ids):
            raise PreconditionError("the channels are those of another network", where=name)


def require_counts(model: onnx.ModelProto, channels: Channels, count: Callable[[str], int]) -> None:
    """Check that every value that was followed has as many channels as `count` says of it.

    Raises:
        PostconditionError: one has another number.
    """
    shapes = concrete_shapes(model, sample_size(model)).of
    for node in model.graph.node:
        for name in node.output:
            if name in channels.values and shapes[name][CHANNEL_AXIS] != count(name):
                why = f"{shapes[name][CHANNEL_AXIS]} channels, not {count(name)}"
                raise PostconditionError("it does not make the channels it should", where=label(node), why=why)

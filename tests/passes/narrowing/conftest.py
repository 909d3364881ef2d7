"""Proof of narrowing: the whole network with zeros where channels were removed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest

from slsc.passes import verify
from slsc.passes.base import PassContext, copy_of
from slsc.passes.graph import initializers, set_initializer
from slsc.passes.narrowing import Channels, NarrowChannels
from slsc.passes.pipeline import Pipeline

CONVS = ("Conv", "ConvTranspose")


def _zeroed(model: onnx.ModelProto, channels: Channels, keep: np.ndarray, axes: set[tuple[str, int]]):
    """`model` with zeros in the slices of removed classes along `axes`."""
    result = copy_of(model)
    for name, array in initializers(model).items():
        for axis in range(array.ndim):
            if (name, axis) in axes & set(channels.axes):
                gone = ~keep[channels.axes[name, axis]].reshape([-1 if a == axis else 1 for a in range(array.ndim)])
                array = np.where(gone, np.zeros_like(array), array)
        set_initializer(result, name, array)
    return result


def _makers(model: onnx.ModelProto, channels: Channels) -> set[tuple[str, int]]:
    biases = {(node.input[2], 0) for node in model.graph.node if node.op_type in CONVS and len(node.input) > 2}
    return set(channels.filters) | biases


def _readers(model: onnx.ModelProto, channels: Channels) -> set[tuple[str, int]]:
    return {(node.input[1], CONVS.index(node.op_type) ^ 1) for node in model.graph.node if node.op_type in CONVS}


ZEROS = {"makers": _makers, "readers": _readers}


@pytest.fixture(scope="session")
def proven() -> Callable[..., onnx.ModelProto]:
    """`proven(model, channels, keep, image, zeros)`: the narrow network, shown to compute on `image` what the whole
    one does with zeros in the filters and biases that make removed channels ("makers"), or in the weights by which
    convolutions read them ("readers").
    """

    def narrow(model, channels, keep, image, zeros="readers") -> onnx.ModelProto:
        result = Pipeline([NarrowChannels(channels, keep)]).run(model, PassContext()).model
        onnx.checker.check_model(result, full_check=True)
        reference = _zeroed(model, channels, keep, ZEROS[zeros](model, channels))
        difference = verify.compare(reference, result, [image])
        assert difference.range > 0 and difference.relative < 1e-4
        return result

    return narrow


@pytest.fixture(scope="session")
def some() -> Callable[..., np.ndarray]:
    """`some(channels, seed, share)`: about `share` of every width, at least one channel, chosen at random."""

    def choose(channels: Channels, seed: int = 0, share: float = 0.5) -> np.ndarray:
        rng = np.random.default_rng(seed)
        keep = channels.every()
        for width in channels.widths:
            count = max(1, int(share * len(width.classes) + 0.5))
            keep[list(rng.permutation(width.classes)[count:])] = False
        return keep

    return choose

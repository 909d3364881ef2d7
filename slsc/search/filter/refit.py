"""Fitting what filter pruning leaves: least squares, front to back, towards the whole network's own values."""

from __future__ import annotations

import copy

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import Tensor

from slsc.onnx_torch import OnnxModule
from slsc.passes.graph import initializers
from slsc.passes.narrowing import Channels
from slsc.search.base import Progress, Rules
from slsc.search.correction import CORRECTION_POSITIONS, fit_in_sequence
from slsc.search.elimination import Elimination, Stage
from slsc.search.filter.choice import Keep
from slsc.search.layers import Layer, layers_of
from slsc.search.moments import Moments, network_moments


def refit(
    model: onnx.ModelProto, channels: Channels, keep: Keep, x: Tensor, seed: int, progress: Progress
) -> onnx.ModelProto:
    """The whole network with the weights it should have once the other channels are gone.

    Every convolution is fitted on the inputs it will then see, to what the whole network makes of its kept channels.
    The channels to go are held at zero meanwhile, so the graph keeps its shape.

    Args:
        model: the whole network.
        channels: its channels.
        keep: (channels.count,) bool, True for the classes kept.
        x: (B, C, H, W) inputs in the network's range.
        seed: draws the positions sampled.
        progress: told after each step of the network.
    """
    dense = OnnxModule(model).eval()
    masks = {name: left(name, array.shape, channels, keep) for name, array in initializers(model).items()}
    pruned = copy.deepcopy(dense)
    with torch.no_grad():
        for name in {name for name, _ in channels.filters}:
            pruned.parameter(name).mul_(torch.from_numpy(masks[name]))

    def fit(layer: Layer, weight: np.ndarray, bias: np.ndarray, moments: Moments) -> Stage:
        return Elimination(weight, bias, moments, Rules(), layer.bias is not None).on(masks[layer.name])

    layers = layers_of(dense)
    cut = {name for name in layers if not masks[name].all()}
    generator = torch.Generator().manual_seed(seed)
    several = {name: layers[name] for name in cut if len(layers[name].uses) > 1}
    shared = network_moments(dense, several, x, CORRECTION_POSITIONS, generator)
    fit_in_sequence(dense, pruned, x, cut, shared, CORRECTION_POSITIONS, generator, fit, progress)
    return pruned.write_back(model)


def left(name: str, shape: tuple[int, ...], channels: Channels, keep: Keep) -> npt.NDArray[np.bool_]:
    """True where an initializer of `shape` stays once the other channels are gone."""
    mask = np.ones(shape, np.bool_)
    for axis in range(len(shape)):
        if (name, axis) in channels.axes:
            mask &= keep[channels.axes[name, axis]].reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return mask

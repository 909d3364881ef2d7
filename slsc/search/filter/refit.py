"""Fitting what filter pruning leaves: least squares, front to back, towards the whole network's own values.

Two copies of the network run in lockstep over the calibration inputs, one whole and one without the removed channels.
Every convolution reads what it will then read, and is fitted to what the whole network makes of its kept channels.
(Unlike `slsc.search.oneshot.correction` no residual branch is asked to mend the trunk: with half the channels gone it
has not the means to, and trying made RFDN worse by 3 dB.)
"""

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
from slsc.progress import StageProgress
from slsc.search.filter.choice import Keep
from slsc.search.filter.ridge import ridge_fit
from slsc.search.layers import layers_of, read_layer, write_layer
from slsc.search.moments import layer_moments, network_moments

POSITIONS = 60_000
"""Output positions sampled per layer."""


@torch.inference_mode()
def refit(
    model: onnx.ModelProto, channels: Channels, keep: Keep, x: Tensor, seed: int, progress: StageProgress
) -> onnx.ModelProto:
    """The whole network with the weights it should have once the other channels are gone.

    Those channels' filters are zero meanwhile, so that the graph keeps its shape. A weight that several nodes share is
    fitted once, on the whole network's values: what its later uses will read depends on the fit.

    Args:
        model: the whole network.
        channels: its channels.
        keep: (channels.count,) bool, True for the classes kept.
        x: (B, C, H, W) inputs in the network's range.
        seed: draws the positions sampled.
        progress: told after each step of the network.
    """
    whole = OnnxModule(model).eval()
    masks = {name: _left(name, array.shape, channels, keep) for name, array in initializers(model).items()}
    narrow = copy.deepcopy(whole)
    for name in {name for name, _ in channels.filters}:
        narrow.parameter(name).mul_(torch.from_numpy(masks[name]))
    layers, generator = layers_of(whole), torch.Generator().manual_seed(seed)
    several = {name: layer for name, layer in layers.items() if len(layer.uses) > 1}
    shared = network_moments(whole, several, x, POSITIONS, generator)
    first = {layer.uses[0].step: layer for layer in layers.values()}
    clean, dirty = whole.start(x), narrow.start(x)
    for done, step in enumerate(whole.steps):
        layer, before = first.get(step), clean.get(step.inputs[0])
        whole.execute(step, clean)
        if layer and before is not None and not torch.equal(before, dirty[step.inputs[0]]):
            moments = shared.get(layer.name) or layer_moments(
                whole, layer, dirty[step.inputs[0]], clean[step.outputs[0]], POSITIONS, generator
            )
            weight, _ = read_layer(whole, layer)
            write_layer(narrow, layer, *ridge_fit(weight, moments, masks[layer.name], layer.bias is not None))
        narrow.execute(step, dirty)
        progress("fitting", done + 1, len(whole.steps))
    return narrow.write_back(model)


def _left(name: str, shape: tuple[int, ...], channels: Channels, keep: Keep) -> npt.NDArray[np.bool_]:
    """True where an initializer of `shape` stays once the other channels are gone."""
    mask = np.ones(shape, np.bool_)
    for axis in range(len(shape)):
        if (name, axis) in channels.axes:
            mask &= keep[channels.axes[name, axis]].reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return mask

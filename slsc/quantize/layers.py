"""Which convolutions are worth quantizing."""

from __future__ import annotations

import onnx

from slsc.onnx_torch import OnnxModule
from slsc.passes.analysis.layers import conv_layers
from slsc.search.layers import layers_of


def quantizable(module: OnnxModule, model: onnx.ModelProto) -> tuple[str, ...]:
    """Weights of the convolutions inside a network, in the order of first use.

    Those that no convolution comes before or none comes after are left out: they read the image, whose 16 bits would be
    rounded to 8, or make it, where every rounding is seen. So are those that cannot be pruned, which have an image's
    few channels.

    Args:
        module: the network.
        model: what it was made from.
    """
    convolutions = {conv.step: conv.weight for conv in module.conv_steps()}
    after: set[str] = set()
    inner = dict.fromkeys(convolutions.values())
    for step in module.steps:
        behind = not after.isdisjoint(step.inputs)
        if step in convolutions and not behind:
            inner.pop(convolutions[step], None)
        if step in convolutions or behind:
            after.update(step.outputs)
    before: set[str] = set()
    for step in reversed(module.steps):
        ahead = not before.isdisjoint(step.outputs)
        if step in convolutions and not ahead:
            inner.pop(convolutions[step], None)
        if step in convolutions or ahead:
            before.update(step.inputs)
    prunable = {layer.name for layer in conv_layers(model) if layer.prunable}
    return tuple(name for name in layers_of(module) if name in inner and name in prunable)

"""A convolution weight as the search sees it: its uses in the graph, its trainable bias, its values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from slsc.onnx_torch import ConvStep, OnnxModule


@dataclass(frozen=True)
class Layer:
    """One convolution weight.

    Attributes:
        name: the weight's initializer.
        bias: the bias' initializer when no other weight shares it, else None: it may then not be changed.
        uses: the steps that convolve with it, in the graph's order.
    """

    name: str
    bias: str | None
    uses: tuple[ConvStep, ...]


def layers_of(module: OnnxModule) -> dict[str, Layer]:
    """Every convolution weight of a network by name, in the order of first use."""
    uses: dict[str, list[ConvStep]] = {}
    for conv in module.conv_steps():
        uses.setdefault(conv.weight, []).append(conv)
    return {name: Layer(name, _own_bias(name, uses), tuple(convs)) for name, convs in uses.items()}


def read_layer(module: OnnxModule, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
    """Copies of weight and bias; a layer whose bias may not change counts as having none: zeros."""
    weight = module.parameter(layer.name).detach().numpy().copy()
    bias = module.parameter(layer.bias).detach().numpy().copy() if layer.bias else np.zeros(len(weight), np.float32)
    return weight, bias


def write_layer(module: OnnxModule, layer: Layer, weight: np.ndarray, bias: np.ndarray) -> None:
    """Set weight and, where it may change, bias."""
    with torch.no_grad():
        module.parameter(layer.name).copy_(torch.from_numpy(weight))
        if layer.bias:
            module.parameter(layer.bias).copy_(torch.from_numpy(bias))


def fixed_bias(module: OnnxModule, conv: ConvStep, layer: Layer) -> torch.Tensor | float:
    """What `conv` adds to its output that the layer may not change, broadcastable to (B, K, H, W)."""
    if layer.bias or not conv.bias:
        return 0.0
    return module.parameter(conv.bias).detach().reshape(1, -1, 1, 1)


def _own_bias(name: str, uses: dict[str, list[ConvStep]]) -> str | None:
    biases = {conv.bias for conv in uses[name]}
    elsewhere: Iterable[str | None] = (conv.bias for other, convs in uses.items() if other != name for conv in convs)
    return biases.pop() if len(biases) == 1 and not biases & set(elsewhere) else None

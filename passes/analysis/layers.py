"""The convolutions of a graph, and which of them can be pruned N:M."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import onnx

from slsc.errors import ModelError
from slsc.passes.graph import CONVOLUTIONS, attribute, declared_shape, image_channels, image_input, label
from slsc.passes.weights import Weights

MIN_GROUP_CHANNELS = 8
"""Fewer input channels than this per convolution group leave nothing to choose from, and hardly any MACs to save."""


@dataclass(frozen=True)
class ConvLayer:
    """One convolution weight.

    Attributes:
        name: the weight's initializer, the layer's identity everywhere, however its type is changed on the way (see
            `slsc.passes.weights`); for a computed weight the tensor's name.
        node: label of the first node that uses it.
        shape: the weight's shape, (K, C / groups, ...) for Conv, (C, K / groups, ...) for ConvTranspose.
        groups: convolution groups; N:M groups run along axis 1 of the weight, within a convolution group.
        kernel: spatial extent.
        strides: spatial strides.
        uses: how many nodes share the weight.
        prunable: whether the search may prune it.
        reason: why not, naming the node; empty when prunable.
    """

    name: str
    node: str
    shape: tuple[int, ...]
    groups: int
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    uses: int
    prunable: bool
    reason: str


def conv_layers(model: onnx.ModelProto) -> list[ConvLayer]:
    """Every convolution weight in graph order, each once.

    A Conv is prunable when
      1. its weight is an initializer, apart from type changes,
      2. it has at least 8 input channels per convolution group, and
      3. it does not make an image: its output channels differ from the image's. The paper leaves this out, but its
         cost tables show that the convolution into RGB stays dense (one per level in multi-level networks).
    ConvTranspose is not pruned: its input channels run along axis 0, where N:M groups are not defined here.
    """
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    nodes = [node for node in model.graph.node if node.op_type in CONVOLUTIONS]
    weights = Weights(model)
    names = [weights.source_of(node.input[1]) or node.input[1] for node in nodes]
    uses = Counter(names)
    image = _output_channels(model)
    layers: dict[str, ConvLayer] = {}
    for node, name in zip(nodes, names, strict=True):
        if name in layers:
            continue
        shape = shapes.get(name, ())
        reason = _refusal(node, shape, image)
        kernel = shape[2:]
        strides = tuple(attribute(node, "strides", [1] * len(kernel)))
        groups = attribute(node, "group", 1)
        layers[name] = ConvLayer(name, label(node), shape, groups, kernel, strides, uses[name], not reason, reason)
    return list(layers.values())


def prunable_layers(model: onnx.ModelProto) -> list[ConvLayer]:
    """The layers the search may prune, in graph order.

    Raises:
        ModelError: there is none.
    """
    layers = conv_layers(model)
    chosen = [layer for layer in layers if layer.prunable]
    if not chosen:
        why = layers[0].reason if layers else "the network has no convolution"
        raise ModelError("no layer can be pruned", why=why, hint="see `slsc inspect` for every layer's reason")
    return chosen


def _refusal(node: onnx.NodeProto, shape: tuple[int, ...], image: int) -> str:
    where = label(node)
    if node.op_type == "ConvTranspose":
        return f"{where}: transposed convolution, its input channels run along axis 0"
    if not shape:
        return f"{where}: its weight {node.input[1]!r} is computed, not an initializer"
    if shape[1] < MIN_GROUP_CHANNELS:
        return f"{where}: {shape[1]} input channels per convolution group, fewer than {MIN_GROUP_CHANNELS}"
    if shape[0] == image:
        return f"{where}: makes an image of {image} channels"
    return ""


def _output_channels(model: onnx.ModelProto) -> int:
    _, output = image_input(model)
    declared = declared_shape(model, output)
    return (declared[1] if len(declared) == 4 else None) or image_channels(model)

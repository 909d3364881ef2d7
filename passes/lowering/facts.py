"""What lowering must know of a graph: constants, and every shape at several image sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from slsc.errors import ModelError
from slsc.passes.analysis.shapes import Shapes, concrete_shapes
from slsc.passes.graph import consumers, fixed_hw, image_dependent, image_input, initializers, producers
from slsc.passes.lowering.refusal import LoweringRefusal
from slsc.passes.weights import Weight, Weights

SIZES = ((64, 96), (192, 288), (128, 256), (256, 192), (96, 192), (72, 104), (65, 103), (71, 98), (94, 77))
"""Sizes looked at where a network takes any. Those that no stride divides tell amounts that follow the image's size
from constant ones; a network may refuse them."""


class GraphFacts:
    """A graph in topological order, its constants folded; read-only.

    Attributes:
        image: name of the input.
        output: name of the output.
        producers: the node that makes each tensor.
        consumers: the nodes that use each tensor.
        moving: tensors that depend on what the image shows.
        nodes: those that the output needs, in the graph's order.

    Raises:
        LoweringRefusal: the input is not float32, or the graph takes no image of the sizes tried.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.image, self.output = image_input(model)
        _require_float(model, self.image)
        self.producers, self.consumers = producers(model), consumers(model)
        self.moving = image_dependent(model)
        self.nodes = _needed(model, self.output)
        self._initializers, self._weights = initializers(model), Weights(model)
        self._samples = _samples(model)

    def constant(self, name: str) -> npt.NDArray[Any] | None:
        """A tensor's value if it is the same for every image and size, else None."""
        if name in self._initializers:
            return self._initializers[name]
        weight = self._weights.computed(name)
        if weight is not None:
            return weight
        values = [sample.values.get(name) for sample in self._samples]
        first = values[0]
        if first is None or not all(value is not None and np.array_equal(value, first) for value in values):
            return None
        return first

    def weight(self, name: str) -> Weight | None:
        """The weight that a tensor is, as the file stores it; None where it is none."""
        return self._weights.weight_of(name)

    def weight_name(self, name: str) -> str:
        """The initializer that a constant weight is, however its type is changed on the way; else its own name."""
        return self._weights.source_of(name) or name

    def values(self, name: str) -> list[npt.NDArray[Any] | None]:
        """A tensor's value at each of the sizes, None where it depends on the image."""
        if name in self._initializers:
            return [self._initializers[name]] * len(self._samples)
        return [sample.values.get(name) for sample in self._samples]

    def shapes(self, name: str) -> list[tuple[int, ...]]:
        """A tensor's shape at each of the sizes."""
        return [sample.of[name] for sample in self._samples]

    def rank(self, name: str) -> int:
        """Number of axes of a tensor."""
        return len(self._samples[0].of[name])

    def channels(self, name: str) -> int:
        """Extent of a tensor's second axis."""
        return self._samples[0].of[name][1]

    def hw(self, name: str) -> tuple[tuple[int, ...], ...]:
        """Height and width of a tensor at each of the sizes; nothing for a tensor that lowering made."""
        return tuple(sample.of[name][2:] for sample in self._samples if name in sample.of)

    def only_consumer(self, name: str) -> onnx.NodeProto | None:
        """The one node that uses a tensor, which is not the graph's output; else None."""
        users = self.consumers.get(name, [])
        return users[0] if len(users) == 1 and name != self.output else None


def _require_float(model: onnx.ModelProto, image: str) -> None:
    value = next(value for value in model.graph.input if value.name == image)
    if value.type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
        raise LoweringRefusal("the native engine computes in float32", where=image, why="the input has another type")


def _needed(model: onnx.ModelProto, output: str) -> list[onnx.NodeProto]:
    needed, nodes = {output}, []
    for node in reversed(model.graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            nodes.append(node)
    return nodes[::-1]


def _samples(model: onnx.ModelProto) -> list[Shapes]:
    fixed = fixed_hw(model)
    found, reason = [], ""
    for size in (fixed,) if fixed else SIZES:
        try:
            found.append(concrete_shapes(model, size))
        except ModelError as error:
            reason = str(error)
    if len(found) < (1 if fixed else 2):  # one size would not tell constants from what follows the size
        raise LoweringRefusal("the native engine cannot tell the network's shapes", why=reason)
    return found

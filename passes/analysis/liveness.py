"""Peak memory of activations, for the runtime's memory knob."""

from __future__ import annotations

import numpy as np
import onnx

from slsc.passes.analysis.shapes import concrete_shapes, sample_sizes
from slsc.passes.graph import constant_tensors, image_input

FLOAT32_BYTES = 4


def bytes_per_pixel(model: onnx.ModelProto) -> float:
    """Peak bytes of live activations per input pixel, in float32, when the nodes run in the graph's order.

    A tensor lives from the node that makes it until the last node that uses it has run; the image and the output count,
    what follows from initializers alone does not.
    Backends that work in place need less, those with workspaces (im2col) more.
    """
    height, width = sample_sizes(model)[-1]  # the largest, so that pooled maps do not round away
    shapes = concrete_shapes(model, (height, width)).of
    image, output = image_input(model)
    last_use = {name: index for index, node in enumerate(model.graph.node) for name in node.input}
    last_use[output] = len(model.graph.node)
    live = {image: _elements(shapes[image])}
    peak = sum(live.values())
    constant = constant_tensors(model)
    for index, node in enumerate(model.graph.node):
        live.update({name: _elements(shapes[name]) for name in node.output if name and name not in constant})
        peak = max(peak, sum(live.values()))
        live = {name: size for name, size in live.items() if last_use.get(name, -1) > index}
    return peak * FLOAT32_BYTES / (height * width)


def _elements(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))

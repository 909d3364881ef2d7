"""Cost accounting: multiply-accumulates (MACs) and parameters of a graph at one output size.

A MAC is one weight times one activation. Kept apart: weight MACs, bias additions, and one unit per element of every
activation, since tools differ in
which of them they count; `slsc.passes.analysis.paper_cost` has the convention of the SLS paper.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import onnx

from slsc.errors import ModelError, PlanError
from slsc.passes.analysis.layers import conv_layers
from slsc.passes.analysis.shapes import Shapes, concrete_shapes, next_shapes, sample_size
from slsc.passes.graph import attribute, fixed_hw, image_input
from slsc.passes.weights import Weights
from slsc.pattern import count_kept

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
ACTIVATIONS = frozenset(
    ("Relu", "LeakyRelu", "PRelu", "Clip", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Elu", "Gelu", "Softplus")
)
PARAMETERS = {
    **dict.fromkeys(WEIGHTED, (1, 2)),
    "PRelu": (1,),
    "BatchNormalization": (1, 2),
    "InstanceNormalization": (1, 2),
}
"""Which inputs of a node are trainable parameters; the running statistics of BatchNormalization are not."""


@dataclass(frozen=True)
class LayerCost:
    """Cost of one weight, summed over the nodes that share it.

    Attributes:
        name: the weight's initializer.
        shape: the weight's shape.
        macs: weight MACs, dense.
        bias_adds: additions of its bias, one per output element.
        prunable: whether the search may prune it.
    """

    name: str
    shape: tuple[int, ...]
    macs: int
    bias_adds: int
    prunable: bool

    @property
    def weights(self) -> int:
        """Number of weights, without the bias."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def positions(self) -> int:
        """How often each weight is applied: the MACs of one weight."""
        return self.macs // self.weights


@dataclass(frozen=True)
class Cost:
    """Cost of a network for one image.

    Attributes:
        input_hw: image size fed, pixels.
        output_hw: image size produced, pixels.
        layers: every weight, in graph order.
        activations: elements per activation node: (node name, op, elements).
        params: trainable parameters: weights and biases, each initializer once.
    """

    input_hw: tuple[int, int]
    output_hw: tuple[int, int]
    layers: tuple[LayerCost, ...]
    activations: tuple[tuple[str, str, int], ...]
    params: int

    @property
    def weight_macs(self) -> int:
        """Weight MACs of all layers, dense."""
        return sum(layer.macs for layer in self.layers)

    @property
    def prunable_macs(self) -> int:
        """Weight MACs of the prunable layers, dense: the base of every budget."""
        return sum(layer.macs for layer in self.layers if layer.prunable)

    @property
    def prunable_weights(self) -> int:
        """Weights of the prunable layers, dense."""
        return sum(layer.weights for layer in self.layers if layer.prunable)

    @property
    def bias_adds(self) -> int:
        """Bias additions of all layers."""
        return sum(layer.bias_adds for layer in self.layers)

    @property
    def macs_per_pixel(self) -> float:
        """Dense weight MACs per input pixel."""
        return self.weight_macs / (self.input_hw[0] * self.input_hw[1])


@dataclass(frozen=True)
class PlanCost:
    """What a plan leaves of a `Cost`.

    Attributes:
        prunable_macs: kept weight MACs of the prunable layers.
        weight_macs: kept weight MACs of all layers.
        prunable_weights: kept weights of the prunable layers.
        params: kept parameters of the network.
        share: kept / dense MACs over the prunable layers, the quantity a budget bounds.
        macs_per_pixel: kept weight MACs per input pixel.
    """

    prunable_macs: int
    weight_macs: int
    prunable_weights: int
    params: int
    share: Fraction
    macs_per_pixel: float


def output_scale(model: onnx.ModelProto) -> Fraction:
    """Output size over input size (2 for a x2 upscaler, 1 for same-size restoration).

    Raises:
        ModelError: rows and columns are not scaled alike.
    """
    size = sample_size(model)
    made = _output_hw(model, concrete_shapes(model, size))
    rows, columns = (Fraction(after, before) for after, before in zip(made, size, strict=True))
    if rows != columns or not rows:
        raise ModelError(
            "the network does not scale rows and columns alike",
            why=f"a {size[0]}x{size[1]} image becomes {made[0]}x{made[1]}",
            hint="export a network that pads, so that its output is a whole multiple of its input",
        )
    return rows


def costs(model: onnx.ModelProto, output_hw: tuple[int, int]) -> Cost:
    """Count a network making an image of `output_hw` (height, width) pixels.

    The input is `output_hw` over the scale, rounded down, or where the network does not take that, the next larger size
    that it takes. A network fixed to one size is counted at that size whatever is asked. `Cost.output_hw` tells; shares
    and MACs per pixel are unaffected.

    Raises:
        ModelError: a node does not accept the size.
    """
    scale = output_scale(model)
    height, width = (max(1, int(side / scale)) for side in output_hw)
    fixed = fixed_hw(model)
    input_hw, shapes = (fixed, concrete_shapes(model, fixed)) if fixed else next_shapes(model, (height, width))
    activations = tuple(
        (node.name, node.op_type, int(np.prod(shapes.of[node.output[0]], dtype=np.int64)))
        for node in model.graph.node
        if node.op_type in ACTIVATIONS and node.output[0] not in shapes.values
    )
    return Cost(input_hw, _output_hw(model, shapes), _layer_costs(model, shapes), activations, _params(model))


def plan_cost(cost: Cost, keep: Mapping[str, int], m: int) -> PlanCost:
    """Cost when layer `name` keeps `keep[name]` of every `m`; layers not named stay dense.

    Raises:
        PlanError: a name is not a prunable layer.
    """
    unknown = set(keep) - {layer.name for layer in cost.layers if layer.prunable}
    if unknown:
        raise PlanError("the plan prunes what is no prunable layer", where=min(unknown))
    prunable_macs = weight_macs = prunable_weights = 0
    for layer in cost.layers:
        kept = count_kept(layer.shape, keep[layer.name], m) if layer.name in keep else layer.weights
        macs = layer.positions * kept
        weight_macs += macs
        if layer.prunable:
            prunable_macs += macs
            prunable_weights += kept
    return PlanCost(
        prunable_macs=prunable_macs,
        weight_macs=weight_macs,
        prunable_weights=prunable_weights,
        params=cost.params - cost.prunable_weights + prunable_weights,
        share=Fraction(prunable_macs, cost.prunable_macs or 1),
        macs_per_pixel=weight_macs / (cost.input_hw[0] * cost.input_hw[1]),
    )


def _layer_costs(model: onnx.ModelProto, shapes: Shapes) -> tuple[LayerCost, ...]:
    weights = Weights(model)
    prunable = {layer.name for layer in conv_layers(model) if layer.prunable}
    macs: Counter[str] = Counter()
    adds: Counter[str] = Counter()
    for node in model.graph.node:
        if node.op_type not in WEIGHTED:
            continue
        name = weights.source_of(node.input[1])
        if name is None:
            continue
        macs[name] += _weight_macs(node, shapes)
        biased = len(node.input) > 2 and node.input[2]
        adds[name] += int(np.prod(shapes.of[node.output[0]], dtype=np.int64)) if biased else 0
    return tuple(LayerCost(name, shapes.of[name], macs[name], adds[name], name in prunable) for name in macs)


def _weight_macs(node: onnx.NodeProto, shapes: Shapes) -> int:
    """Weights times the positions each is applied at."""
    weight, output = shapes.of[node.input[1]], shapes.of[node.output[0]]
    numel = int(np.prod(weight, dtype=np.int64))
    if node.op_type == "Conv":
        return numel * int(np.prod(output[2:], dtype=np.int64))
    if node.op_type == "ConvTranspose":
        return numel * int(np.prod(shapes.of[node.input[0]][2:], dtype=np.int64))
    columns = weight[0] if attribute(node, "transB", 0) else weight[-1]
    return numel * (int(np.prod(output, dtype=np.int64)) // columns)


def _params(model: onnx.ModelProto) -> int:
    sizes = {tensor.name: int(np.prod(tensor.dims, dtype=np.int64)) for tensor in model.graph.initializer}
    weights = Weights(model)
    names = {
        weights.source_of(node.input[index])
        for node in model.graph.node
        for index in PARAMETERS.get(node.op_type, ())
        if index < len(node.input)
    }
    return sum(sizes[name] for name in names if name is not None)


def _output_hw(model: onnx.ModelProto, shapes: Shapes) -> tuple[int, int]:
    height, width = shapes.of[image_input(model)[1]][2:]
    return height, width

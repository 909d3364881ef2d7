"""Operators that ONNX Runtime makes of several of ONNX's, written as those again."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from slsc.passes.analysis.types import element_types
from slsc.passes.base import Pass, PassContext, PassResult, copy_of
from slsc.passes.graph import attribute, opset

DOMAIN = "com.microsoft"

PARAMETERS = {"LeakyRelu": ("alpha",), "HardSigmoid": ("alpha", "beta"), "Elu": ("alpha",), "Clip": ("min", "max")}
"""Attributes of activations that a fused convolution holds as a list."""

FAST_GELU = math.sqrt(2 / math.pi), 0.044715
"""Of GELU by tanh: the factor of all, and that of the cube."""


class UnfuseOperators(Pass):
    """FusedConv(x, w, b) -> Relu(Conv(x, w, b)), and the like: what ONNX Runtime saves of a graph that it optimized.

    1. FusedConv becomes Conv, the addition of its fourth input, and its activation; FusedGemm likewise.
    2. FusedMatMul becomes the Transposes of the last two axes, MatMul, and its factor.
    3. Gelu, BiasGelu, FastGelu and QuickGelu are spelled out.
    4. What is not written here stays, for others to refuse.
    """

    name = "unfuse-operators"

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply the rules."""
        found = sorted({node.op_type for node in model.graph.node if node.domain == DOMAIN and node.op_type in RULES})
        if not found:
            return PassResult(model, False, {"unfused": []})
        work = _Graph(copy_of(model))
        for node in model.graph.node:
            rule = RULES.get(node.op_type) if node.domain == DOMAIN else None
            if rule is None or not rule(node, work):
                work.nodes.append(node)
        return PassResult(work.written(), True, {"unfused": found})


class _Graph:
    """The graph so far."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model, self.version, self.types = model, opset(model), element_types(model)
        self.nodes: list[onnx.NodeProto] = []

    @cached_property
    def ranks(self) -> dict[str, int]:
        """Of all tensors whose rank can be told before the graph is changed."""
        return _ranks(self.model)

    def add(self, op_type: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Append a node, and give its output."""
        self.nodes.append(helper.make_node(op_type, inputs, [output], output, **attributes))
        return output

    def number(self, value: float, like: str, name: str) -> str:
        """A constant of the type of tensor `like`."""
        kind = helper.tensor_dtype_to_np_dtype(self.types.get(like, TensorProto.FLOAT))
        self.model.graph.initializer.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def written(self) -> onnx.ModelProto:
        """The model of these nodes."""
        del self.model.graph.node[:], self.model.graph.value_info[:]
        self.model.graph.node.extend(self.nodes)
        return self.model


def _conv(node: onnx.NodeProto, work: _Graph) -> bool:
    """Rule 1."""
    activation, made = attribute(node, "activation", ""), node.output[0]
    last = f"{made}.linear" if activation else made
    added = node.input[3] if len(node.input) > 3 else ""
    name = f"{last}.conv" if added else last
    work.add("Conv", list(node.input[:3]), name)
    own = [attr for attr in node.attribute if attr.name not in ("activation", "activation_params")]
    work.nodes[-1].attribute.extend(own)
    if added:
        work.add("Add", [name, added], last)
    if activation:
        _activate(work, activation, last, made, attribute(node, "activation_params", []))
    return True


def _gemm(node: onnx.NodeProto, work: _Graph) -> bool:
    """Rule 1."""
    activation, made = attribute(node, "activation", ""), node.output[0]
    linear = f"{made}.linear" if activation else made
    work.add("Gemm", list(node.input), linear)
    work.nodes[-1].attribute.extend(attr for attr in node.attribute if not attr.name.startswith("activation"))
    if activation:
        named = PARAMETERS.get(activation, ())
        values = [attribute(node, f"activation_{name}") for name in named]
        _activate(work, activation, linear, made, [value for value in values if value is not None])
    return True


def _activate(work: _Graph, kind: str, source: str, made: str, values: list[float]) -> None:
    named = dict(zip(PARAMETERS.get(kind, ()), values, strict=False))
    if kind == "Clip" and work.version >= 11:
        bounds = [work.number(value, source, f"{made}.{name}") for name, value in named.items()]
        work.add("Clip", [source, *bounds], made)
    else:
        work.add(kind, [source], made, **named)


def _mat_mul(node: onnx.NodeProto, work: _Graph) -> bool:
    """Rule 2; transposed batches stay, and so does what is of unknown rank."""
    made, factor = node.output[0], attribute(node, "alpha", 1.0)
    if attribute(node, "transBatchA", 0) or attribute(node, "transBatchB", 0):
        return False
    turned = [attribute(node, name, 0) for name in ("transA", "transB")]
    ranks = work.ranks if any(turned) else {}
    sides = list(node.input)
    if any(turn and name not in ranks for turn, name in zip(turned, sides, strict=True)):
        return False
    for index, (turn, name) in enumerate(zip(turned, sides, strict=True)):
        if turn:
            *front, rows, columns = range(ranks[name])
            sides[index] = work.add("Transpose", [name], f"{made}.{index}", perm=[*front, columns, rows])
    product = made if factor == 1 else f"{made}.product"
    work.add("MatMul", sides, product)
    if factor != 1:
        work.add("Mul", [product, work.number(factor, node.input[0], f"{made}.factor")], made)
    return True


def _ranks(model: onnx.ModelProto) -> dict[str, int]:
    inferred = onnx.shape_inference.infer_shapes(model).graph
    values = [*inferred.value_info, *inferred.input, *inferred.output]
    shapes = {value.name: value.type.tensor_type for value in values if value.type.tensor_type.HasField("shape")}
    return {
        **{name: len(kind.shape.dim) for name, kind in shapes.items()},
        **{tensor.name: len(tensor.dims) for tensor in model.graph.initializer},
    }


def _gelu(node: onnx.NodeProto, work: _Graph) -> bool:
    """Rule 3: x / 2 * (1 + erf(x / sqrt 2))."""
    made, source = node.output[0], _biased(node, work)
    inner = work.add("Mul", [source, work.number(math.sqrt(0.5), node.input[0], f"{made}.root")], f"{made}.inner")
    return _gated(node, work, source, work.add("Erf", [inner], f"{made}.erf"))


def _fast_gelu(node: onnx.NodeProto, work: _Graph) -> bool:
    """Rule 3: x / 2 * (1 + tanh(a * (x + b * x^3)))."""
    made, source = node.output[0], _biased(node, work)
    whole, cube = (work.number(value, node.input[0], f"{made}.{i}") for i, value in enumerate(FAST_GELU))
    square = work.add("Mul", [source, source], f"{made}.square")
    third = work.add("Mul", [work.add("Mul", [square, source], f"{made}.cube"), cube], f"{made}.third")
    inner = work.add("Mul", [work.add("Add", [source, third], f"{made}.sum"), whole], f"{made}.inner")
    return _gated(node, work, source, work.add("Tanh", [inner], f"{made}.tanh"))


def _quick_gelu(node: onnx.NodeProto, work: _Graph) -> bool:
    """Rule 3: x * sigmoid(a * x)."""
    made, source = node.output[0], node.input[0]
    factor = work.number(attribute(node, "alpha", 1.702), source, f"{made}.factor")
    gate = work.add("Sigmoid", [work.add("Mul", [source, factor], f"{made}.inner")], f"{made}.gate")
    work.add("Mul", [source, gate], made)
    return True


def _biased(node: onnx.NodeProto, work: _Graph) -> str:
    if len(node.input) < 2 or not node.input[1]:
        return node.input[0]
    return work.add("Add", list(node.input[:2]), f"{node.output[0]}.biased")


def _gated(node: onnx.NodeProto, work: _Graph, source: str, curve: str) -> bool:
    made, like = node.output[0], node.input[0]
    gate = work.add("Add", [curve, work.number(1, like, f"{made}.one")], f"{made}.gate")
    product = work.add("Mul", [source, gate], f"{made}.double")
    work.add("Mul", [product, work.number(0.5, like, f"{made}.half")], made)
    return True


Rule = Callable[[onnx.NodeProto, _Graph], bool]

RULES: dict[str, Rule] = {
    "BiasGelu": _gelu,
    "FastGelu": _fast_gelu,
    "FusedConv": _conv,
    "FusedGemm": _gemm,
    "FusedMatMul": _mat_mul,
    "Gelu": _gelu,
    "QuickGelu": _quick_gelu,
}
"""What each operator becomes; False, and nothing done, where it cannot."""

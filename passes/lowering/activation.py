"""Activation functions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from slsc.passes.graph import attribute
from slsc.passes.lowering.builder import Builder, Lower
from slsc.passes.lowering.nmp import Act
from slsc.passes.lowering.refusal import refuse
from slsc.passes.lowering.steps import Activation

FLOAT_MAX = float(np.finfo(np.float32).max)
"""Stands for no bound."""


def activation(node: onnx.NodeProto, build: Builder) -> None:
    """Any node of `ACTIVATIONS`."""
    build.unary(node, build.find(node, 0), act=ACTIVATIONS[node.op_type](node, build))


def _prelu(node: onnx.NodeProto, build: Builder) -> Activation:
    slopes = build.facts.constant(node.input[1])
    channels = build.space(build.find(node, 0)).channels
    if slopes is None:
        raise refuse(node, "its slopes are computed")
    if slopes.size == 1:
        return Activation(Act.LEAKY_RELU, float(slopes.reshape(-1)[0]))
    if slopes.shape not in ((channels, 1, 1), (1, channels, 1, 1)):
        raise refuse(node, f"slopes of shape {list(slopes.shape)} are not one per channel")
    return Activation(Act.PRELU, slopes=slopes.astype(np.float32).reshape(-1))


def _clip(node: onnx.NodeProto, build: Builder) -> Activation:
    bounds = [-FLOAT_MAX, FLOAT_MAX]
    for index in (0, 1):
        if len(node.input) > 1 + index and node.input[1 + index]:
            bound = build.facts.constant(node.input[1 + index])
            if bound is None or bound.size != 1:
                raise refuse(node, "its bounds are computed")
            bounds[index] = float(np.clip(bound.reshape(-1)[0], -FLOAT_MAX, FLOAT_MAX))
    return Activation(Act.CLIP, bounds[0], bounds[1])


def _gelu(node: onnx.NodeProto, build: Builder) -> Activation:
    approximate = attribute(node, "approximate", "none")
    if approximate != "none":
        raise refuse(node, f"Gelu approximated by {approximate} is not known")
    return Activation(Act.GELU)


def _leaky_relu(node: onnx.NodeProto, build: Builder) -> Activation:
    return Activation(Act.LEAKY_RELU, attribute(node, "alpha", 0.01))


def _hard_sigmoid(node: onnx.NodeProto, build: Builder) -> Activation:
    return Activation(Act.HARD_SIGMOID, attribute(node, "alpha", 0.2), attribute(node, "beta", 0.5))


def _plain(kind: Act) -> Callable[[onnx.NodeProto, Builder], Activation]:
    return lambda node, build: Activation(kind)


ACTIVATIONS: dict[str, Callable[[onnx.NodeProto, Builder], Activation]] = {
    "Relu": _plain(Act.RELU),
    "LeakyRelu": _leaky_relu,
    "PRelu": _prelu,
    "Clip": _clip,
    "Sigmoid": _plain(Act.SIGMOID),
    "Tanh": _plain(Act.TANH),
    "Gelu": _gelu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _plain(Act.HARD_SWISH),
    "Sqrt": _plain(Act.SQRT),
}


OPERATORS: dict[str, Lower] = dict.fromkeys(ACTIVATIONS, activation)

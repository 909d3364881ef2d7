"""Activation functions."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from slsc.onnx_torch.attributes import Attributes, Handler, Inputs
from slsc.onnx_torch.ops.elementwise import unary


def celu(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Celu."""
    return F.celu(inputs[0], attributes.real("alpha", 1.0))


def elu(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Elu."""
    return F.elu(inputs[0], attributes.real("alpha", 1.0))


def gelu(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Gelu, exact or by the tanh approximation."""
    return F.gelu(inputs[0], approximate=attributes.text("approximate", "none"))


def hard_sigmoid(attributes: Attributes, inputs: Inputs) -> Tensor:
    """HardSigmoid: a clamped line."""
    return torch.clamp(attributes.real("alpha", 0.2) * inputs[0] + attributes.real("beta", 0.5), 0, 1)


def leaky_relu(attributes: Attributes, inputs: Inputs) -> Tensor:
    """LeakyRelu."""
    return F.leaky_relu(inputs[0], attributes.real("alpha", 0.01))


def prelu(attributes: Attributes, inputs: Inputs) -> Tensor:
    """PRelu: the slope broadcasts to the input, one per channel as (C, 1, 1)."""
    x, slope = inputs
    if x.ndim == 4 and tuple(slope.shape) == (x.shape[1], 1, 1):
        return F.prelu(x, slope.reshape(-1))
    return torch.where(x < 0, x * slope, x)


def shrink(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Shrink: 0 up to a limit, and nearer to it by a bias beyond."""
    x, limit, bias = inputs[0], attributes.real("lambd", 0.5), attributes.real("bias", 0.0)
    return torch.where(x < -limit, x + bias, torch.where(x > limit, x - bias, torch.zeros_like(x)))


def softmax(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Softmax: over one axis since opset 13, over all axes from the given one on before."""
    x = inputs[0]
    if attributes.opset >= 13:
        return torch.softmax(x, attributes.integer("axis", -1))
    return torch.softmax(x.flatten(attributes.integer("axis", 1)), -1).reshape(x.shape)


def thresholded_relu(attributes: Attributes, inputs: Inputs) -> Tensor:
    """ThresholdedRelu: 0 up to a limit."""
    return torch.where(inputs[0] > attributes.real("alpha", 1.0), inputs[0], torch.zeros_like(inputs[0]))


OPS: Mapping[str, Handler] = {
    "Celu": celu,
    "Elu": elu,
    "Gelu": gelu,
    "HardSigmoid": hard_sigmoid,
    "HardSwish": unary(F.hardswish),
    "LeakyRelu": leaky_relu,
    "Mish": unary(F.mish),
    "PRelu": prelu,
    "Relu": unary(torch.relu),
    "Selu": unary(F.selu),
    "Shrink": shrink,
    "Sigmoid": unary(torch.sigmoid),
    "Softmax": softmax,
    "Softplus": unary(F.softplus),
    "Softsign": unary(F.softsign),
    "Tanh": unary(torch.tanh),
    "ThresholdedRelu": thresholded_relu,
}

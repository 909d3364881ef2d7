"""Element-wise arithmetic and activations."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from slsc.onnx_torch.attributes import Attributes, Handler, Inputs


def unary(function: Callable[[Tensor], Tensor]) -> Handler:
    """An op without attributes over one tensor."""
    return lambda attributes, inputs: function(inputs[0])


def binary(function: Callable[[Tensor, Tensor], Tensor]) -> Handler:
    """An op without attributes over two tensors that broadcast as numpy's do."""
    return lambda attributes, inputs: function(inputs[0], inputs[1].to(inputs[0].device))


def divide(left: Tensor, right: Tensor) -> Tensor:
    """Div: integers round towards zero."""
    exact = left.is_floating_point()
    return left / right if exact else torch.div(left, right, rounding_mode="trunc")


def leaky_relu(attributes: Attributes, inputs: Inputs) -> Tensor:
    """LeakyRelu."""
    return F.leaky_relu(inputs[0], attributes.real("alpha", 0.01))


def prelu(attributes: Attributes, inputs: Inputs) -> Tensor:
    """PRelu: the slope broadcasts to the input, one per channel as (C, 1, 1)."""
    x, slope = inputs
    if slope.numel() in (1, x.shape[1]) and slope.ndim == 3 and slope.shape[0] == slope.numel():
        return F.prelu(x, slope.reshape(-1))
    return torch.where(x < 0, x * slope, x)


OPS: Mapping[str, Handler] = {
    "Add": binary(torch.add),
    "Div": binary(divide),
    "Identity": unary(lambda x: x),
    "LeakyRelu": leaky_relu,
    "Mul": binary(torch.mul),
    "PRelu": prelu,
    "Relu": unary(torch.relu),
    "Sigmoid": unary(torch.sigmoid),
    "Sub": binary(torch.sub),
    "Tanh": unary(torch.tanh),
}

"""Element-wise arithmetic, comparisons and choices. Operands broadcast as numpy's do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

import torch
from torch import Tensor

from slsc.onnx_torch.attributes import Attributes, Handler, Inputs


def unary(function: Callable[[Tensor], Tensor]) -> Handler:
    """An op without attributes over one tensor."""
    return lambda attributes, inputs: function(inputs[0])


def binary(function: Callable[[Tensor, Tensor], Tensor]) -> Handler:
    """An op without attributes over two tensors."""
    return lambda attributes, inputs: function(*aligned(*inputs))


def variadic(function: Callable[[Tensor, Tensor], Tensor]) -> Handler:
    """An op without attributes that folds any number of tensors."""

    def handler(attributes: Attributes, inputs: Inputs) -> Tensor:
        first, *others = aligned(*inputs)
        return reduce(function, others, first)

    return handler


def aligned(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors on one device: constants and shapes live on the CPU, the image perhaps elsewhere."""
    device = next((tensor.device for tensor in tensors if tensor.device.type != "cpu"), None)
    return tensors if device is None else tuple(tensor.to(device) for tensor in tensors)


def divide(left: Tensor, right: Tensor) -> Tensor:
    """Div: integers round towards zero."""
    return left / right if left.is_floating_point() else torch.div(left, right, rounding_mode="trunc")


def power(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Pow, in the type of the base. A single exponent takes torch's faster and exact special cases (square, root)."""
    base, exponent = inputs
    if exponent.numel() == 1 and exponent.ndim <= base.ndim and not exponent.requires_grad:
        return torch.pow(base, exponent.item()).to(base.dtype)
    base, exponent = aligned(base, exponent)
    return torch.pow(base, exponent).to(base.dtype)


def modulo(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Mod: the sign follows the divisor, or with fmod the dividend."""
    function = torch.fmod if attributes.integer("fmod", 0) else torch.remainder
    left, right = aligned(*inputs)
    return function(left, right)


def mean(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Mean of the inputs, element by element."""
    return reduce(torch.add, aligned(*inputs)) / len(inputs)


def where(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Where."""
    condition, yes, no = aligned(*inputs)
    return torch.where(condition, yes, no)


def clip(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Clip: bounds are attributes up to opset 10, optional inputs since."""
    x, low, high = (*inputs, None, None)[:3]
    if attributes.opset < 11:
        low, high = attributes.values.get("min"), attributes.values.get("max")
    bounds = [bound.item() if isinstance(bound, Tensor) else bound for bound in (low, high)]
    return x if bounds == [None, None] else torch.clamp(x, *bounds)


def is_infinite(attributes: Attributes, inputs: Inputs) -> Tensor:
    """IsInf: of either sign, or of one."""
    x = inputs[0]
    above = torch.isposinf(x) if attributes.integer("detect_positive", 1) else torch.zeros_like(x, dtype=torch.bool)
    return above | torch.isneginf(x) if attributes.integer("detect_negative", 1) else above


OPS: Mapping[str, Handler] = {
    "Abs": unary(torch.abs),
    "Acos": unary(torch.acos),
    "Add": binary(torch.add),
    "And": binary(torch.logical_and),
    "Asin": unary(torch.asin),
    "Atan": unary(torch.atan),
    "Ceil": unary(torch.ceil),
    "Clip": clip,
    "Cos": unary(torch.cos),
    "Cosh": unary(torch.cosh),
    "Div": binary(divide),
    "Dropout": unary(lambda x: x),
    "Equal": binary(torch.eq),
    "Erf": unary(torch.erf),
    "Exp": unary(torch.exp),
    "Floor": unary(torch.floor),
    "Greater": binary(torch.gt),
    "GreaterOrEqual": binary(torch.ge),
    "Identity": unary(lambda x: x),
    "IsInf": is_infinite,
    "IsNaN": unary(torch.isnan),
    "Less": binary(torch.lt),
    "LessOrEqual": binary(torch.le),
    "Log": unary(torch.log),
    "Max": variadic(torch.maximum),
    "Mean": mean,
    "Min": variadic(torch.minimum),
    "Mod": modulo,
    "Mul": binary(torch.mul),
    "Neg": unary(torch.neg),
    "Not": unary(torch.logical_not),
    "Or": binary(torch.logical_or),
    "Pow": power,
    "Reciprocal": unary(torch.reciprocal),
    "Round": unary(torch.round),
    "Sign": unary(torch.sign),
    "Sin": unary(torch.sin),
    "Sinh": unary(torch.sinh),
    "Sqrt": unary(torch.sqrt),
    "Sub": binary(torch.sub),
    "Sum": variadic(torch.add),
    "Tan": unary(torch.tan),
    "Where": where,
    "Xor": binary(torch.logical_xor),
}

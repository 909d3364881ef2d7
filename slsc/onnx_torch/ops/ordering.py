"""Where values stand among others: the largest and their places, running sums, triangles, and what is put in places."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from slsc.onnx_torch.attributes import Attributes, Handler, Inputs
from slsc.onnx_torch.ops.elementwise import aligned


def top_k(attributes: Attributes, inputs: Inputs) -> tuple[Tensor, Tensor]:
    """TopK: the largest or smallest along an axis, and their places."""
    x, count = inputs
    axis, largest = attributes.integer("axis", -1), bool(attributes.integer("largest", 1))
    found = torch.topk(x, int(count), axis, largest, bool(attributes.integer("sorted", 1)))
    return found.values, found.indices


def extreme_place(function: Callable[..., Tensor]) -> Handler:
    """ArgMax or ArgMin: of equal values the first, or the last one."""

    def handler(attributes: Attributes, inputs: Inputs) -> Tensor:
        x, axis = inputs[0], attributes.integer("axis", 0)
        keep = bool(attributes.integer("keepdims", 1))
        if not attributes.integer("select_last_index", 0):
            return function(x, axis, keep)
        return x.shape[axis] - 1 - function(x.flip(axis), axis, keep)

    return handler


def one_hot(attributes: Attributes, inputs: Inputs) -> Tensor:
    """OneHot: a new axis of `depth` places, one of which has the other value; none for places beyond."""
    places, depth, values = aligned(*inputs)
    count, axis = int(depth), attributes.integer("axis", -1)
    at = torch.where(places < 0, places + count, places).unsqueeze(axis)
    shape = [1] * at.ndim
    shape[axis] = count
    return torch.where(at == torch.arange(count, device=at.device).reshape(shape), values[1], values[0])


def cumulative_sum(attributes: Attributes, inputs: Inputs) -> Tensor:
    """CumSum, from either end, with or without the value itself."""
    x, axis = inputs[0], int(inputs[1])
    backwards = attributes.integer("reverse", 0)
    x = x.flip(axis) if backwards else x
    result = x.cumsum(axis, dtype=x.dtype)
    result = result - x if attributes.integer("exclusive", 0) else result
    return result.flip(axis) if backwards else result


def triangle(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Trilu: what lies below, or above, a diagonal becomes 0."""
    diagonal = int(inputs[1]) if len(inputs) > 1 and inputs[1] is not None else 0
    return (torch.triu if attributes.integer("upper", 1) else torch.tril)(inputs[0], diagonal)


def scatter_elements(attributes: Attributes, inputs: Inputs) -> Tensor:
    """ScatterElements that overwrites."""
    if attributes.text("reduction", "none") != "none":
        raise attributes.refuse("reduction is not supported")
    x, places, updates = aligned(*inputs)
    axis = attributes.integer("axis", 0) % x.ndim
    return x.scatter(axis, places.to(torch.int64) % x.shape[axis], updates)


OPS: Mapping[str, Handler] = {
    "ArgMax": extreme_place(torch.argmax),
    "ArgMin": extreme_place(torch.argmin),
    "CumSum": cumulative_sum,
    "OneHot": one_hot,
    "ScatterElements": scatter_elements,
    "TopK": top_k,
    "Trilu": triangle,
}

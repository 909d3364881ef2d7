"""Picking elements: slices, gathers, scatters and padding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from slsc.onnx_torch.attributes import Attributes, Handler, Inputs
from slsc.onnx_torch.ops.elementwise import aligned
from slsc.onnx_torch.ops.padding import torch_pads


def gather(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Gather along one axis."""
    x, indices = inputs
    axis = attributes.integer("axis", 0) % x.ndim
    if indices.ndim == 0:
        return x.select(axis, int(indices))
    picked = x.index_select(axis, (indices.reshape(-1) % x.shape[axis]).to(x.device))
    return picked.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def gather_elements(attributes: Attributes, inputs: Inputs) -> Tensor:
    """GatherElements."""
    x, indices = inputs
    axis = attributes.integer("axis", 0) % x.ndim
    return x.take_along_dim((indices % x.shape[axis]).to(x.device), axis)


def gather_nd(attributes: Attributes, inputs: Inputs) -> Tensor:
    """GatherND without batch axes."""
    if attributes.integer("batch_dims", 0):
        raise attributes.refuse("batch_dims is not supported")
    return inputs[0][tuple(inputs[1].to(inputs[0].device).unbind(-1))]


def scatter_nd(attributes: Attributes, inputs: Inputs) -> Tensor:
    """ScatterND that overwrites; what exporters make of `x[...] = y`."""
    if attributes.text("reduction", "none") != "none":
        raise attributes.refuse("reduction is not supported")
    x, indices, updates = aligned(*inputs)
    return x.index_put(tuple(indices.unbind(-1)), updates)


def slice_(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Slice; a negative step is a flip of the same elements."""
    x = inputs[0]
    starts, ends, axes, steps = _slice_bounds(attributes, inputs)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        places = range(x.shape[axis])[start:end:step]
        if step > 0:
            x = x[(slice(None),) * (axis % x.ndim) + (slice(places.start, places.stop, step),)]
        else:
            x = x.index_select(axis, torch.tensor(list(places), dtype=torch.int64, device=x.device))
    return x


def _slice_bounds(attributes: Attributes, inputs: Inputs) -> tuple[Sequence[int], ...]:
    """Starts, ends, axes, steps: inputs since opset 10, attributes before."""
    if len(inputs) == 1:
        starts, ends = attributes.integers("starts"), attributes.integers("ends")
        return starts, ends, attributes.integers("axes", range(len(starts))), [1] * len(starts)
    starts, ends = inputs[1].tolist(), inputs[2].tolist()
    axes = inputs[3].tolist() if len(inputs) > 3 and inputs[3] is not None else list(range(len(starts)))
    steps = inputs[4].tolist() if len(inputs) > 4 and inputs[4] is not None else [1] * len(starts)
    return starts, ends, axes, steps


def pad(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Pad: constant, reflect, edge or wrap; negative pads crop."""
    x, mode = inputs[0], attributes.text("mode", "constant")
    pads = _all_pads(attributes, inputs)
    if mode == "constant":
        value = inputs[2] if len(inputs) > 2 and inputs[2] is not None else attributes.real("value", 0.0)
        return F.pad(x, torch_pads(pads), value=float(value))
    if mode not in ("reflect", "edge", "wrap"):
        raise attributes.refuse(f"mode {mode!r} is unknown")
    x = F.pad(x, [min(width, 0) for width in torch_pads(pads)])
    for axis, (begin, end) in enumerate(zip(pads[: x.ndim], pads[x.ndim :], strict=True)):
        if begin > 0 or end > 0:
            places = np.pad(np.arange(x.shape[axis]), (max(begin, 0), max(end, 0)), mode=mode)  # type: ignore[call-overload]
            x = x.index_select(axis, torch.from_numpy(places).to(x.device))
    return x


def _all_pads(attributes: Attributes, inputs: Inputs) -> list[int]:
    """Pads of every axis, begins then ends: an attribute up to opset 10, an input since, for some axes since 18."""
    rank = inputs[0].ndim
    pads = inputs[1].tolist() if len(inputs) > 1 else attributes.integers("pads")
    axes = inputs[3].tolist() if len(inputs) > 3 and inputs[3] is not None else list(range(rank))
    result = [0] * (2 * rank)
    for position, axis in enumerate(axes):
        result[axis % rank] = pads[position]
        result[axis % rank + rank] = pads[position + len(axes)]
    return result


OPS: Mapping[str, Handler] = {
    "Gather": gather,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "Pad": pad,
    "ScatterND": scatter_nd,
    "Slice": slice_,
}

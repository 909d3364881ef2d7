"""Shapes and layout: reading, computing and changing them. Nothing here changes a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from slsc.onnx_torch.attributes import Attributes, Handler, Inputs

DTYPES = {
    1: torch.float32,
    2: torch.uint8,
    3: torch.int8,
    5: torch.int16,
    6: torch.int32,
    7: torch.int64,
    9: torch.bool,
    10: torch.float32,  # float16 is computed in float32, see OnnxModule
    11: torch.float64,
    16: torch.float32,
}
"""ONNX element type to the torch type it is computed in."""


def shape(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Shape, of all axes or of a range of them."""
    sizes = list(inputs[0].shape)[attributes.integer("start", 0) : attributes.values.get("end")]
    return torch.tensor(sizes, dtype=torch.int64)


def cast(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Cast between numeric types."""
    dtype = DTYPES.get(attributes.integer("to", 0))
    if dtype is None:
        raise attributes.refuse(f"its target is ONNX element type {attributes.integer('to', 0)}")
    return inputs[0].to(dtype)


def gather(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Gather along one axis."""
    x, indices = inputs
    axis = attributes.integer("axis", 0) % x.ndim
    if indices.ndim == 0:
        return x.select(axis, int(indices))
    picked = x.index_select(axis, (indices.reshape(-1) % x.shape[axis]).to(x.device))
    return picked.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def concat(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Concat."""
    return torch.cat(list(inputs), attributes.integer("axis", 1))


def axes_of(attributes: Attributes, inputs: Inputs, position: int) -> list[int] | None:
    """Axes given as an input (newer opsets) or as an attribute; None where neither is there."""
    if len(inputs) > position and inputs[position] is not None:
        return inputs[position].tolist()
    return attributes.integers("axes") if "axes" in attributes.values else None


def unsqueeze(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Unsqueeze; axes count in the result."""
    x, axes = inputs[0], axes_of(attributes, inputs, 1) or []
    for axis in sorted(axis % (x.ndim + len(axes)) for axis in axes):
        x = x.unsqueeze(axis)
    return x


def squeeze(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Squeeze the given axes, or all of size 1."""
    axes = axes_of(attributes, inputs, 1)
    return inputs[0].squeeze() if axes is None else inputs[0].squeeze(tuple(axes))


def reshape(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Reshape; 0 copies the input's size unless allowzero is set."""
    x, sizes = inputs[0], inputs[1].tolist()
    if not attributes.integer("allowzero", 0):
        sizes = [x.shape[axis] if size == 0 else size for axis, size in enumerate(sizes)]
    return x.reshape(sizes)


def transpose(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Transpose; without perm the axes are reversed."""
    return inputs[0].permute(attributes.integers("perm", range(inputs[0].ndim - 1, -1, -1)))


def split(attributes: Attributes, inputs: Inputs) -> tuple[Tensor, ...]:
    """Split by sizes (attribute or input), by num_outputs, or evenly over the node's outputs."""
    x, axis = inputs[0], attributes.integer("axis", 0)
    sizes = inputs[1].tolist() if len(inputs) > 1 and inputs[1] is not None else attributes.integers("split")
    if not sizes:
        parts = attributes.integer("num_outputs", attributes.outputs)
        chunk = -(-x.shape[axis] // parts)
        sizes = [chunk] * (parts - 1) + [x.shape[axis] - chunk * (parts - 1)]
    return x.split(sizes, axis)


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


def depth_to_space(attributes: Attributes, inputs: Inputs) -> Tensor:
    """DepthToSpace: CRD is torch's pixel shuffle, DCR has the block position outside the channels."""
    x, block = inputs[0], attributes.integer("blocksize", 1)
    if attributes.text("mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, block)
    batch, channels, height, width = x.shape
    x = x.reshape(batch, block * block, channels // block**2, height, width)
    return F.pixel_shuffle(x.transpose(1, 2).reshape(batch, channels, height, width), block)


OPS: Mapping[str, Handler] = {
    "Cast": cast,
    "Concat": concat,
    "DepthToSpace": depth_to_space,
    "Gather": gather,
    "Reshape": reshape,
    "Shape": shape,
    "Slice": slice_,
    "Split": split,
    "Squeeze": squeeze,
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}

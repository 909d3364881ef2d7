"""Shapes and layout: reading, computing and changing them. Nothing here changes a value."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from slsc.onnx_torch.attributes import Attributes, Handler, Inputs
from slsc.onnx_torch.ops.elementwise import aligned


def shape(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Shape, of all axes or of a range of them."""
    sizes = list(inputs[0].shape)[attributes.integer("start", 0) : attributes.values.get("end")]
    return torch.tensor(sizes, dtype=torch.int64)


def concat(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Concat."""
    return torch.cat(aligned(*inputs), attributes.integer("axis", 1))


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


def depth_to_space(attributes: Attributes, inputs: Inputs) -> Tensor:
    """DepthToSpace: CRD is torch's pixel shuffle, DCR has the block position outside the channels."""
    x, block = inputs[0], attributes.integer("blocksize", 1)
    if attributes.text("mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, block)
    batch, channels, height, width = x.shape
    x = x.reshape(batch, block * block, channels // block**2, height, width)
    return F.pixel_shuffle(x.transpose(1, 2).reshape(batch, channels, height, width), block)


def space_to_depth(attributes: Attributes, inputs: Inputs) -> Tensor:
    """SpaceToDepth; the block position ends up outside the channels."""
    x, block = inputs[0], attributes.integer("blocksize", 1)
    batch, channels, height, width = x.shape
    y = F.pixel_unshuffle(x, block).reshape(batch, channels, block * block, height // block, width // block)
    return y.transpose(1, 2).flatten(1, 2)


def flatten(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Flatten to a matrix."""
    x, axis = inputs[0], attributes.integer("axis", 1)
    axis = axis + x.ndim if axis < 0 else axis
    return x.reshape(math.prod(x.shape[:axis]), -1)


def expand(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Expand: both shapes may be broadcast."""
    return inputs[0].expand(torch.broadcast_shapes(inputs[0].shape, tuple(inputs[1].tolist())))


def tile(attributes: Attributes, inputs: Inputs) -> Tensor:
    """Tile."""
    return inputs[0].repeat(inputs[1].tolist())


OPS: Mapping[str, Handler] = {
    "Concat": concat,
    "DepthToSpace": depth_to_space,
    "Expand": expand,
    "Flatten": flatten,
    "Reshape": reshape,
    "Shape": shape,
    "Size": lambda attributes, inputs: torch.tensor(inputs[0].numel()),
    "SpaceToDepth": space_to_depth,
    "Split": split,
    "Squeeze": squeeze,
    "Tile": tile,
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}

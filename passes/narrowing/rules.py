"""Per operator: which channels of its output are which channels of its inputs.

Every rule keeps one promise. With any whole classes of channels gone from the inputs, from the slices of initializers
the rule ties to them, and from the outputs, the node computes of the remaining channels what it did before, provided
that convolutions read zeros, or nothing, in place of the channels that went.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from slsc.passes.analysis.dependence import POINTWISE
from slsc.passes.graph import attribute
from slsc.passes.narrowing.classes import FIXED, Ids
from slsc.passes.narrowing.walk import CHANNEL_AXIS, RANK, NotFollowedError, Walk

Rule = Callable[[onnx.NodeProto, Walk], list[Ids]]
"""Node and walk to the channel numbers of each output."""


def follow(node: onnx.NodeProto, walk: Walk) -> list[Ids]:
    """The channel numbers of a node's outputs, ties made on the way.

    Raises:
        NotFollowedError: no rule holds for the node.
    """
    rule = RULES.get(node.op_type)
    if rule is None:
        raise NotFollowedError("not known to treat channels one by one")
    if any(len(walk.shape(name)) != RANK for name in node.output if name):
        raise NotFollowedError("its output is not N,C,H,W")
    if node.op_type != "Resize" and any(walk.counts.get(name) for name in node.input):
        raise NotFollowedError("it computes with a number of channels")
    made = rule(node, walk)
    if any(name for name in node.output[len(made) :]):
        raise NotFollowedError("its further outputs are used")
    return made


def channel_range(node: onnx.NodeProto, values: Mapping[str, npt.NDArray[Any]], channels: int) -> range | None:
    """The channels a Slice takes, from its operands' values; None when one of them is unknown."""
    operands = [values.get(name) if name else None for name in node.input[1:]]
    if any(value is None and name for value, name in zip(operands, node.input[1:], strict=True)):
        return None
    starts, ends, axes, steps = (*operands, None, None)[:4]
    assert starts is not None and ends is not None
    for index, axis in enumerate(range(len(starts)) if axes is None else axes):
        if int(axis) % RANK == CHANNEL_AXIS:
            step = 1 if steps is None else int(steps[index])
            return range(channels)[int(starts[index]) : int(ends[index]) : step]
    return range(channels)


def splits_channels(node: onnx.NodeProto) -> bool:
    """Whether a Split or Gather works along the channels."""
    return bool(attribute(node, "axis", 0) % RANK == CHANNEL_AXIS)


def is_depthwise(node: onnx.NodeProto, channels: int) -> bool:
    """Whether each group of a convolution of `channels` has one input channel, so that groups may go one by one."""
    groups = int(attribute(node, "group", 1))
    return groups > 1 and channels == groups


def _same(node: onnx.NodeProto, walk: Walk) -> list[Ids]:
    ids = walk.value(node.input[0])
    if walk.shape(node.output[0])[CHANNEL_AXIS] != len(ids):
        raise NotFollowedError("it changes the number of channels")
    return [ids]


def _elementwise(node: onnx.NodeProto, walk: Walk) -> list[Ids]:
    """Equal channels of all operands go together; what is broadcast over the channels stays."""
    count = walk.shape(node.output[0])[CHANNEL_AXIS]
    found: list[Ids] = []
    for name in filter(None, node.input):
        shape, axis = walk.shape(name), len(walk.shape(name)) - RANK + CHANNEL_AXIS
        if axis < 0 or shape[axis] == 1:
            if name in walk.values:
                walk.fix(walk.value(name))
        elif walk.held(name):
            found.append(walk.axis(name, axis))
        else:
            found.append(walk.value(name))
    for other in found[1:]:
        walk.tie(found[0], other)
    return [found[0] if found else np.full(count, FIXED)]


def _conv(node: onnx.NodeProto, walk: Walk) -> list[Ids]:
    """Rows of the weight make the output, its columns read the input.

    A grouped convolution stays one of as many groups, all of equal width: channels at one place of every group go
    together. A depthwise one loses groups.
    """
    x, weight, groups = walk.value(node.input[0]), node.input[1], attribute(node, "group", 1)
    rows = walk.makers(weight, 0)
    if is_depthwise(node, len(x)):
        walk.tie(rows.reshape(groups, -1), x.reshape(groups, 1))
    else:
        walk.tie(x.reshape(groups, -1), walk.axis(weight, 1))
        walk.tie(rows.reshape(groups, -1), rows.reshape(groups, -1)[0])
    if len(rows) in walk.images:
        walk.fix(rows)
    _tie_parameters(node, walk, rows, (2,))
    return [rows]


def _transposed(node: onnx.NodeProto, walk: Walk) -> list[Ids]:
    """As `_conv`; the weight's axis 0 reads the input, axis 1 makes the output of one group."""
    x, weight, groups = walk.value(node.input[0]), node.input[1], attribute(node, "group", 1)
    columns = walk.makers(weight, 1)
    walk.tie(x, walk.axis(weight, 0))
    if is_depthwise(node, len(x)):
        walk.fix(columns)
        made = np.repeat(x, len(columns))
        walk.makers(weight, 0)
    else:
        walk.tie(x.reshape(groups, -1), x.reshape(groups, -1)[0])
        made = np.tile(columns, groups)
    if len(made) in walk.images:
        walk.fix(made)
    _tie_parameters(node, walk, made, (2,))
    return [made]


def _quantization(node: onnx.NodeProto, walk: Walk) -> list[Ids]:
    """QuantizeLinear and DequantizeLinear; scales along the channels go with them."""
    (ids,) = _same(node, walk)
    if walk.shape(node.input[1]) not in ((), (1,)):
        if attribute(node, "axis", 1) % RANK != CHANNEL_AXIS or len(walk.shape(node.input[1])) > 1:
            raise NotFollowedError("it is quantized along another axis than the channels")
        _tie_parameters(node, walk, ids, range(1, len(node.input)))
    return [ids]


def _normalization(node: onnx.NodeProto, walk: Walk) -> list[Ids]:
    ids = walk.value(node.input[0])
    _tie_parameters(node, walk, ids, range(1, len(node.input)))
    return [ids]


def _tie_parameters(node: onnx.NodeProto, walk: Walk, ids: Ids, positions: range | tuple[int, ...]) -> None:
    for position in positions:
        if position < len(node.input) and node.input[position]:
            walk.tie(walk.axis(node.input[position], 0), ids)


def _concat(node: onnx.NodeProto, walk: Walk) -> list[Ids]:
    parts = [walk.value(name) for name in node.input]
    if attribute(node, "axis") % RANK == CHANNEL_AXIS:
        return [np.concatenate(parts)]
    for part in parts[1:]:
        walk.tie(parts[0], part)
    return [parts[0]]


def _split(node: onnx.NodeProto, walk: Walk) -> list[Ids]:
    ids = walk.value(node.input[0])
    if not all(node.output):
        raise NotFollowedError("one of its outputs has no name")
    if not splits_channels(node):
        return [ids] * len(node.output)
    return np.split(ids, np.cumsum([walk.shape(name)[CHANNEL_AXIS] for name in node.output])[:-1])


def _slice(node: onnx.NodeProto, walk: Walk) -> list[Ids]:
    ids = walk.value(node.input[0])
    taken = channel_range(node, walk.shapes.values, len(ids))
    if taken is None:
        if walk.shape(node.output[0])[CHANNEL_AXIS] != len(ids):
            raise NotFollowedError("the channels it takes are computed")
        return [ids]
    if len(taken) < len(ids) and not (taken.step == 1 and all(map(walk.held, filter(None, node.input[1:])))):
        raise NotFollowedError("it takes channels in steps, or computes which")
    return [ids[taken.start : taken.stop]] if taken.step == 1 else [ids[list(taken)]]


def _gather(node: onnx.NodeProto, walk: Walk) -> list[Ids]:
    ids, indices = walk.value(node.input[0]), walk.shapes.values.get(node.input[1])
    if not splits_channels(node):
        return [ids]
    if indices is None or not walk.held(node.input[1]):
        raise NotFollowedError("the channels it takes are computed")
    return [ids[indices.flatten()]]


def _depth_to_space(node: onnx.NodeProto, walk: Walk) -> list[Ids]:
    """The block's r^2 input channels go together."""
    ids, area = walk.value(node.input[0]), attribute(node, "blocksize") ** 2
    crd = attribute(node, "mode", "DCR") == "CRD"
    blocks = ids.reshape(-1, area) if crd else ids.reshape(area, -1).T
    walk.tie(blocks, blocks[:, :1])
    return [blocks[:, 0]]


def _space_to_depth(node: onnx.NodeProto, walk: Walk) -> list[Ids]:
    return [np.tile(walk.value(node.input[0]), attribute(node, "blocksize") ** 2)]


def _reduce(node: onnx.NodeProto, walk: Walk) -> list[Ids]:
    axes = attribute(node, "axes")
    if axes is None and len(node.input) > 1 and node.input[1]:
        axes = walk.shapes.values.get(node.input[1])
    if axes is None or not {int(axis) for axis in axes} <= {2, 3, -1, -2}:
        raise NotFollowedError("it reduces over the channels")
    return [walk.value(node.input[0])]


def _resize(node: onnx.NodeProto, walk: Walk) -> list[Ids]:
    """A size that is computed may hold the number of channels of an equally narrowed value, and of no other."""
    (ids,) = _same(node, walk)
    sizes = node.input[3] if len(node.input) > 3 else ""
    own = walk.find(ids)
    for name in walk.counts.get(sizes, ()):
        if not np.array_equal(walk.find(walk.values[name]), own):
            raise NotFollowedError(f"its size is computed from the channels of {name!r}")
    if sizes and not walk.held(sizes) and not walk.counts.get(sizes) and not attribute(node, "axes"):
        raise NotFollowedError("its size is computed with a fixed number of channels")
    return [ids]


NARY = ("Add", "Sub", "Mul", "Div", "Max", "Min", "Mean", "Sum", "Pow", "Mod", "PRelu", "Where")
COMPARISONS = ("And", "Or", "Equal", "Greater", "Less")

RULES: dict[str, Rule] = {
    **dict.fromkeys(POINTWISE, _same),
    **dict.fromkeys((*NARY, *COMPARISONS), _elementwise),
    **dict.fromkeys(("MaxPool", "AveragePool", "LpPool", "GlobalAveragePool", "GlobalMaxPool", "Pad"), _same),
    **dict.fromkeys(("ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum", "ReduceL2"), _reduce),
    **dict.fromkeys(("BatchNormalization", "InstanceNormalization"), _normalization),
    **dict.fromkeys(("Resize", "Upsample"), _resize),
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear"), _quantization),
    "Conv": _conv,
    "ConvTranspose": _transposed,
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Gather": _gather,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
}

"""Following the channels of a network: which go together, which must stay, and which compete."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx

from slsc.passes.graph import image_input
from slsc.passes.narrowing.classes import FIXED, Ids
from slsc.passes.narrowing.rules import follow
from slsc.passes.narrowing.walk import CHANNEL_AXIS, RANK, NotFollowedError, Walk


@dataclass(frozen=True)
class Width:
    """A hidden width: classes of channels that run through the same values of the graph.

    Attributes:
        value: the first of these values.
        classes: the classes, in the order of their channels.
    """

    value: str
    classes: tuple[int, ...]


@dataclass(frozen=True)
class Channels:
    """The channels of a network, in classes that can only be removed whole.

    Attributes:
        count: number of classes; class 0 is that of the channels that must stay.
        values: class of every channel of each NCHW value that follows from the image.
        axes: class of every slice of an initializer along an axis, by (name, axis); other axes keep their extent.
        filters: the axes among them whose slices each make a channel of their class: one filter each.
        widths: the removable classes, in the graph's order.
        kept: why channels must stay that look removable, by node.
    """

    count: int
    values: Mapping[str, Ids]
    axes: Mapping[tuple[str, int], Ids]
    filters: tuple[tuple[str, int], ...]
    widths: tuple[Width, ...]
    kept: tuple[str, ...]

    def every(self) -> npt.NDArray[np.bool_]:
        """True for all classes: nothing is removed."""
        return np.ones(self.count, np.bool_)


def follow_channels(model: onnx.ModelProto) -> Channels:
    """Follow every channel of a network from the image to the restored image.

    1. The channels of images stay: of the network's input and output, and of what a convolution makes with as many
       channels as they (a mean shift, an intermediate level), which `slsc.passes.analysis.layers` does not prune
       either.
    2. Channels that are added, multiplied or compared element by element go together, as do all uses of a weight.
    3. A concatenation, a split or a slice hands channels on one by one; a pixel shuffle makes one of r^2.
    4. Where no rule holds for a node, all the channels it reads stay, and `Channels.kept` says so.

    Args:
        model: as the import passes leave it.

    Raises:
        ModelError: a node does not accept the image sizes tried.
    """
    walk = Walk(model)
    source, result = image_input(model)
    walk.values.update(zip([source], walk.fixed([source]), strict=True))
    for node in model.graph.node:
        _visit(node, walk)
    walk.fix(walk.value(result))
    return _numbered(walk)


def _visit(node: onnx.NodeProto, walk: Walk) -> None:
    if node.op_type == "Shape":
        walk.counts[node.output[0]] = frozenset(node.input) & walk.values.keys()
    elif walk.is_weight(node.output[0]):
        return  # what uses the weight says what its channels are
    elif walk.moving.isdisjoint(node.output):
        _visit_arithmetic(node, walk)
    else:
        try:
            made = follow(node, walk)
        except NotFollowedError as reason:
            walk.leave(node, str(reason))
            made = walk.fixed(node.output)
        walk.values.update((name, ids) for name, ids in zip(node.output, made, strict=False) if len(ids))


def _visit_arithmetic(node: onnx.NodeProto, walk: Walk) -> None:
    """A node that reads no image: constants and sizes. Numbers of channels are tracked through small integers."""
    counts = frozenset[str]().union(*(walk.counts.get(name, frozenset()) for name in node.input))
    small = all(len(walk.shape(name)) < 2 for name in node.output if name)
    if not counts or not small:
        walk.leave(node, "it computes with a number of channels")
    elif not _avoids_channels(node, walk):
        walk.counts.update(dict.fromkeys(node.output, counts))


def _avoids_channels(node: onnx.NodeProto, walk: Walk) -> bool:
    """Whether a node takes other entries of an NCHW shape than the number of channels."""
    held = [walk.shapes.values.get(name) if walk.held(name) else None for name in node.input[1:]]
    operands = [int(value.flat[0]) for value in held if value is not None and value.size == 1]
    if node.op_type == "Gather" and held[0] is not None:
        return walk.shape(node.input[0]) == (RANK,) and CHANNEL_AXIS not in np.ravel(held[0]) % RANK
    if node.op_type == "Slice" and len(operands) == len(held):
        step = operands[3] if len(operands) > 3 else 1
        return (
            walk.shape(node.input[0]) == (RANK,) and CHANNEL_AXIS not in range(RANK)[operands[0] : operands[1] : step]
        )
    return False


def _numbered(walk: Walk) -> Channels:
    """Classes numbered from 0 in the graph's order."""
    numbers: dict[int, int] = {FIXED: FIXED}
    runs: defaultdict[int, list[str]] = defaultdict(list)

    def number(ids: Ids) -> Ids:
        return np.array([numbers.setdefault(int(root), len(numbers)) for root in walk.find(ids)], np.int64)

    values = {name: number(ids) for name, ids in walk.values.items()}
    axes = {key: number(ids) for key, ids in walk.axes.items()}
    for name, ids in values.items():
        for found in dict.fromkeys(ids.tolist()):
            runs[found].append(name)
    members: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for found in sorted(runs):
        if found != FIXED:
            members[tuple(runs[found])].append(found)
    widths = tuple(Width(path[0], tuple(classes)) for path, classes in members.items())
    return Channels(len(numbers), values, axes, tuple(walk.filters), widths, tuple(walk.kept))

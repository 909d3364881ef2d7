"""What is known of a graph's channels while its nodes are visited in order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx

from slsc.passes.analysis.shapes import Shapes, concrete_shapes, sample_size
from slsc.passes.graph import attribute, image_dependent, image_input, label, opset
from slsc.passes.narrowing.classes import FIXED, Classes, Ids
from slsc.passes.weights import Weights

CHANNEL_AXIS, RANK = 1, 4


class NotFollowedError(Exception):
    """A node mixes its channels in a way that no rule describes; the message says why."""


class Walk:
    """Channel numbers of the values visited so far, and of the initializers' axes they tie.

    Attributes:
        shapes: exact shapes, and values of small tensors, at one image size.
        opset: version of the default operator set.
        moving: every tensor that depends on the image's content.
        values: channel numbers of each NCHW tensor among them.
        axes: numbers along an axis of an initializer, by (name, axis). That a weight's type is changed on the way to
            its user makes no difference.
        counts: by tensor of sizes: the values whose number of channels may be in it.
        filters: the axes of `axes` that make channels: one slice of the weight each.
        images: how many channels an image has, at either end.
        kept: why channels had to stay, by node.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.shapes: Shapes = concrete_shapes(model, sample_size(model))
        self.opset = opset(model)
        self.moving = image_dependent(model)
        self.values: dict[str, Ids] = {}
        self.axes: dict[tuple[str, int], Ids] = {}
        self.counts: dict[str, frozenset[str]] = {}
        self.filters: dict[tuple[str, int], None] = {}
        self.images = frozenset(self.shape(name)[CHANNEL_AXIS] for name in image_input(model))
        self.kept: list[str] = []
        self._classes = Classes()
        self._dims = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
        self._frozen: set[str] = set()
        self._weights = Weights(model)

    def held(self, name: str) -> bool:
        """Whether a tensor is an initializer."""
        return name in self._dims

    def is_weight(self, name: str) -> bool:
        """Whether a tensor is an initializer of numbers, apart from type changes."""
        return self._weights.source_of(name) is not None

    def shape(self, name: str) -> tuple[int, ...]:
        """A tensor's shape."""
        return self.shapes.of[name]

    def value(self, name: str) -> Ids:
        """Channel numbers of an NCHW tensor; those of one that does not depend on the image stay.

        Raises:
            NotFollowedError: it is not NCHW.
        """
        shape = self.shape(name)
        if len(shape) != RANK:
            raise NotFollowedError(f"its input {name!r} is shaped {list(shape)}, not N,C,H,W")
        if name in self.values:
            return self.values[name]
        self.freeze(name)
        return self.fixed([name])[0]

    def fixed(self, names: Sequence[str]) -> list[Ids]:
        """Numbers of channels that stay, for tensors no rule has followed; none for one that is not NCHW."""
        shapes = [self.shape(name) if name else () for name in names]
        return [np.full(shape[CHANNEL_AXIS] if len(shape) == RANK else 0, FIXED) for shape in shapes]

    def axis(self, name: str, axis: int) -> Ids:
        """Numbers along an axis of an initializer.

        Raises:
            NotFollowedError: the tensor is computed, or quantized in blocks.
        """
        source = self._held_by(name)
        if source is None:
            raise NotFollowedError(f"its input {name!r} is computed, not an initializer")
        if (source, axis) not in self.axes:
            count = self._dims[source][axis]
            self.axes[source, axis] = np.full(count, FIXED) if source in self._frozen else self._classes.fresh(count)
            self._tie_scales(name, axis)
        return self.axes[source, axis]

    def makers(self, name: str, axis: int) -> Ids:
        """As `axis`, for a weight whose slices along `axis` each make a channel."""
        ids = self.axis(name, axis)
        self.filters[self._held_by(name) or name, axis] = None
        return ids

    def tie(self, left: Ids, right: Ids) -> None:
        """Let channels be removed together only."""
        self._classes.tie(left, right)

    def fix(self, ids: Ids) -> None:
        """Let channels stay."""
        self._classes.fix(ids)

    def find(self, ids: Ids) -> Ids:
        """The class of each channel."""
        return self._classes.find(ids)

    def freeze(self, name: str) -> None:
        """Let the initializer that a tensor is, if any, keep its shape, now and later."""
        source = self._held_by(name)
        if source is None:
            return
        self._frozen.add(source)
        for (held, _), ids in self.axes.items():
            if held == source:
                self._classes.fix(ids)

    def leave(self, node: onnx.NodeProto, why: str) -> None:
        """Let everything a node reads keep its channels."""
        touched = [self.values[name] for name in node.input if name in self.values]
        touched += [self.values[name] for source in node.input for name in self.counts.get(source, ())]
        if any(self.find(ids).any() for ids in touched):
            self.kept.append(f"{label(node)}: {why}")
        for ids in touched:
            self._classes.fix(ids)
        for name in node.input:
            self.freeze(name)

    def _held_by(self, name: str) -> str | None:
        return name if self.held(name) else self._weights.source_of(name)

    def _tie_scales(self, weight: str, axis: int) -> None:
        """Scales and zero points that a weight has along `axis` go with its slices."""
        for node in self._weights.type_changes(weight):
            varying = [name for name in filter(None, node.input[1:]) if self._dims[name] not in ((), (1,))]
            if any(len(self._dims[name]) > 1 for name in varying):
                raise NotFollowedError(f"its input {weight!r} is quantized in blocks")
            if attribute(node, "axis", 1) % RANK == axis:
                for name in varying:
                    self.tie(self.axis(name, 0), self.axis(weight, axis))

"""Nodes that work on the input of a Transpose instead of on its result."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

from slsc.passes.analysis.shapes import Shapes
from slsc.passes.graph import attribute, initializers, opset
from slsc.passes.importing.channels_last import TO_LAST

Perm = tuple[int, ...]

# fmt: off
UNARY = frozenset((
    "Abs", "Cast", "Ceil", "Clip", "Cos", "Dropout", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish",
    "Identity", "LeakyRelu", "Log", "Mish", "Neg", "Not", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sign",
    "Sin", "Softplus", "Softsign", "Sqrt", "Tanh", "ThresholdedRelu",
))
N_ARY = frozenset((
    "Add", "And", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Mean", "Min", "Mod",
    "Mul", "Or", "PRelu", "Pow", "Sub", "Sum", "Where",
))
REDUCTIONS = frozenset(("ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum"))
# fmt: on


@dataclass(frozen=True)
class View:
    """A tensor that is Transpose(source, perm), carried out only where something needs it."""

    source: str
    perm: Perm


class Sinking:
    """A graph whose Transposes are being moved on.

    Args:
        model: its nodes are replaced by `write`.
        shapes: at one size.
        moving: the tensors that depend on the image; the Transposes of others stay.
    """

    def __init__(self, model: onnx.ModelProto, shapes: Shapes, moving: frozenset[str]) -> None:
        self.model, self.shapes, self.moving = model, shapes, moving
        self.version = opset(model)
        self.constants = initializers(model)
        self.nodes: list[onnx.NodeProto] = []
        self.views: dict[str, View] = {}
        self._carried_out: set[str] = set()
        self._made = 0

    def visit(self, node: onnx.NodeProto) -> None:
        """Append a node as it is, or what takes its place."""
        if node.op_type == "Transpose" and node.input[0] in self.moving:
            rank = self.rank(node.input[0])
            before = self.view(node.input[0]) or View(node.input[0], tuple(range(rank)))
            perm = attribute(node, "perm") or range(rank)[::-1]
            self.views[node.output[0]] = View(before.source, tuple(before.perm[place] for place in perm))
            return
        rule = RULES.get(node.op_type) if not node.domain else None
        first = next((view for view in map(self.view, node.input) if view), None)
        if first is None or rule is None or not rule(node, first.perm, self):
            self.keep(node)

    def write(self) -> None:
        """Put the nodes into the model, with the Transposes that its outputs need."""
        for value in self.model.graph.output:
            self.carried_out(value.name)
        del self.model.graph.node[:], self.model.graph.value_info[:]
        self.model.graph.node.extend(self.nodes)

    def view(self, name: str) -> View | None:
        """What a tensor is a transposition of, if it is one."""
        return self.views.get(name)

    def rank(self, name: str) -> int:
        """Number of axes."""
        return len(self.shapes.of[name])

    def keep(self, node: onnx.NodeProto) -> None:
        """Append a node that works on the tensors it names."""
        kept = copy.deepcopy(node)
        kept.input[:] = [self.carried_out(name) for name in node.input]
        self.nodes.append(kept)

    def carried_out(self, name: str) -> str:
        """The name of a tensor that exists and equals `name`."""
        view = self.views.get(name)
        if view is None:
            return name
        output = any(value.name == name for value in self.model.graph.output)
        straight = view.perm == tuple(range(len(view.perm)))
        if straight and not output:
            return view.source
        if name not in self._carried_out:
            self._carried_out.add(name)
            self._append_transpose(view, name)
        return name

    def under(self, name: str, perm: Perm) -> str | None:
        """A tensor t, broadcasting as `name` does, with Transpose(t, perm) = `name`; None where there is none."""
        constant = self.constants.get(name)
        if constant is not None:
            if constant.size == 1 or constant.ndim > len(perm):
                return name if constant.ndim <= len(perm) else None
            shaped = constant.reshape((1,) * (len(perm) - constant.ndim) + constant.shape)
            return self.hold(f"{name}.transposed", shaped.transpose(inverse(perm)))
        if self.rank(name) == 0:
            return name
        if self.rank(name) != len(perm):
            return None
        view = self.views.get(name) or View(name, tuple(range(len(perm))))
        back = tuple(view.perm[place] for place in inverse(perm))
        if back == tuple(range(len(back))):
            return view.source
        fresh = self.fresh(f"{name}.back")
        self._append_transpose(View(view.source, back), fresh)
        return fresh

    def replace(
        self, node: onnx.NodeProto, inputs: Sequence[str], perm: Perm, attributes: dict[str, object] | None = None
    ) -> bool:
        """Append `node` working on `inputs`; its outputs are what that gives, transposed by `perm`. Gives True."""
        moved = copy.deepcopy(node)
        moved.input[:] = inputs
        for name, value in (attributes or {}).items():
            set_attribute(moved, name, value)
        if perm != tuple(range(len(perm))):
            for index, name in enumerate(node.output):
                if name:
                    moved.output[index] = self.fresh(f"{name}.moved")
                    self.views[name] = View(moved.output[index], perm)
        self.nodes.append(moved)
        return True

    def hold(self, name: str, value: np.ndarray) -> str:
        """A new initializer."""
        fresh = self.fresh(name)
        self.model.graph.initializer.append(numpy_helper.from_array(np.array(value, order="C"), fresh))
        self.constants[fresh] = value
        return fresh

    def fresh(self, name: str) -> str:
        """A name nothing has."""
        self._made += 1
        return f"{name}.{self._made}"

    def _append_transpose(self, view: View, name: str) -> None:
        if view.perm == tuple(range(len(view.perm))):
            self.nodes.append(helper.make_node("Identity", [view.source], [name], name))
        else:
            self.nodes.append(helper.make_node("Transpose", [view.source], [name], name, perm=view.perm))


def inverse(perm: Perm) -> Perm:
    """Of a permutation."""
    return tuple(int(place) for place in np.argsort(perm))


def set_attribute(node: onnx.NodeProto, name: str, value: object) -> None:
    """Give a node an attribute, in the place of one of that name."""
    kept = [attr for attr in node.attribute if attr.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(name, value)])


def _unary(node: onnx.NodeProto, perm: Perm, work: Sinking) -> bool:
    if any(work.view(name) for name in node.input[1:]) or any(node.output[1:]):
        return False
    source = work.under(node.input[0], perm)
    return source is not None and work.replace(node, [source, *node.input[1:]], perm)


def _n_ary(node: onnx.NodeProto, perm: Perm, work: Sinking) -> bool:
    if work.rank(node.output[0]) != len(perm):
        return False
    inputs = [work.under(name, perm) for name in node.input]
    return None not in inputs and work.replace(node, [name for name in inputs if name], perm)


def _concat(node: onnx.NodeProto, perm: Perm, work: Sinking) -> bool:
    if any(name in work.constants and work.rank(name) != len(perm) for name in node.input):
        return False
    inputs = [_whole(name, perm, work) for name in node.input]
    axis = perm[attribute(node, "axis") % len(perm)]
    return None not in inputs and work.replace(node, [name for name in inputs if name], perm, {"axis": axis})


def _whole(name: str, perm: Perm, work: Sinking) -> str | None:
    """As `Sinking.under`, of a tensor that does not broadcast."""
    constant = work.constants.get(name)
    if constant is None:
        return work.under(name, perm)
    return work.hold(f"{name}.transposed", constant.transpose(inverse(perm)))


def _split(node: onnx.NodeProto, perm: Perm, work: Sinking) -> bool:
    return _one_axis(node, perm, work, default=0)


def _softmax(node: onnx.NodeProto, perm: Perm, work: Sinking) -> bool:
    return work.version >= 13 and _one_axis(node, perm, work, default=-1)


def _one_axis(node: onnx.NodeProto, perm: Perm, work: Sinking, default: int) -> bool:
    view = work.view(node.input[0])
    if view is None:
        return False
    axis = perm[attribute(node, "axis", default) % len(perm)]
    return work.replace(node, [view.source, *node.input[1:]], perm, {"axis": axis})


def _gather(node: onnx.NodeProto, perm: Perm, work: Sinking) -> bool:
    indices = work.constants.get(node.input[1])
    return indices is not None and indices.ndim == 1 and _one_axis(node, perm, work, default=0)


def _slice(node: onnx.NodeProto, perm: Perm, work: Sinking) -> bool:
    """The axes sliced are named, since the order of bounds stays."""
    view = work.view(node.input[0])
    if view is None:
        return False
    if work.version < 10:
        axes = attribute(node, "axes") or range(len(attribute(node, "starts")))
        return work.replace(node, [view.source], perm, {"axes": [perm[axis % len(perm)] for axis in axes]})
    if len(node.input) > 3 and node.input[3]:
        named = work.constants.get(node.input[3])
        if named is None:
            return False
    else:
        named = np.arange(work.shapes.of[node.input[1]][0])
    starts = work.constants.get(node.input[1])
    kind = np.int64 if starts is None else starts.dtype  # all bounds are of one type
    places = np.array([perm[int(axis) % len(perm)] for axis in named], kind)
    axes = work.hold(f"{node.output[0]}.axes", places)
    return work.replace(node, [view.source, *node.input[1:3], axes, *node.input[4:]], perm)


def _pad(node: onnx.NodeProto, perm: Perm, work: Sinking) -> bool:
    view = work.view(node.input[0])
    if view is None or (len(node.input) > 3 and node.input[3]):
        return False
    order = list(inverse(perm))
    both = [*order, *(place + len(perm) for place in order)]
    if work.version < 11:
        pads = attribute(node, "pads")
        return work.replace(node, [view.source], perm, {"pads": [pads[place] for place in both]})
    pads = _reordered(node.input[1], both, work)
    return work.replace(node, [view.source, pads, *node.input[2:]], perm)


def _reduce(node: onnx.NodeProto, perm: Perm, work: Sinking) -> bool:
    view, axes = work.view(node.input[0]), attribute(node, "axes")
    named = work.constants.get(node.input[1]) if len(node.input) > 1 and node.input[1] else None
    if axes is None and named is not None:
        axes = named.tolist()
    if view is None or not axes:
        return False
    places = sorted(perm[axis % len(perm)] for axis in axes)
    rest = [place for place in perm if place not in places]
    kept = attribute(node, "keepdims", 1)
    after = perm if kept else tuple(sorted(rest).index(place) for place in rest)
    if named is None:
        return work.replace(node, [view.source], after, {"axes": places})
    return work.replace(node, [view.source, work.hold(f"{node.output[0]}.axes", np.array(places, np.int64))], after)


def _resize(node: onnx.NodeProto, perm: Perm, work: Sinking) -> bool:
    view, order = work.view(node.input[0]), list(inverse(perm))
    if view is None:
        return False
    if attribute(node, "axes"):
        axes = [perm[axis % len(perm)] for axis in attribute(node, "axes")]
        return work.replace(node, [view.source, *node.input[1:]], perm, {"axes": axes})
    inputs = [view.source, *node.input[1:]]
    for index, name in enumerate(node.input[1:], start=1):
        if name and work.shapes.of[name] != (0,):
            both = [*order, *(place + len(perm) for place in order)]
            roi = node.op_type == "Resize" and index == 1 and work.version > 10
            inputs[index] = _reordered(name, both if roi else order, work)
    return work.replace(node, inputs, perm)


def _shape(node: onnx.NodeProto, perm: Perm, work: Sinking) -> bool:
    """The extents in the order of the tensor before."""
    view = work.view(node.input[0])
    if view is None or node.attribute:
        return False
    extents = work.fresh(f"{node.output[0]}.before")
    work.nodes.append(helper.make_node("Shape", [view.source], [extents], f"{node.name}.before"))
    order = work.hold(f"{node.output[0]}.order", np.array(perm, np.int64))
    work.nodes.append(helper.make_node("Gather", [extents, order], node.output, node.name, axis=0))
    return True


def _matmul(node: onnx.NodeProto, perm: Perm, work: Sinking) -> bool:
    """Rule 3 of `slsc.passes.importing.layout`."""
    view, weight = work.view(node.input[0]), work.constants.get(node.input[1])
    if view is None or weight is None or weight.ndim != 2 or perm != TO_LAST:
        return False
    kernel = work.hold(f"{node.input[1]}.kernel", weight.T[:, :, None, None])
    output = work.fresh(f"{node.output[0]}.moved")
    work.nodes.append(helper.make_node("Conv", [view.source, kernel], [output], node.name, kernel_shape=[1, 1]))
    work.views[node.output[0]] = View(output, perm)
    return True


def _reordered(name: str, order: Sequence[int], work: Sinking) -> str:
    """The values of a vector in another order."""
    constant = work.constants.get(name)
    if constant is not None:
        return work.hold(f"{name}.reordered", constant[list(order)])
    fresh, places = work.fresh(f"{name}.reordered"), work.hold(f"{name}.order", np.array(order, np.int64))
    work.nodes.append(helper.make_node("Gather", [work.carried_out(name), places], [fresh], fresh, axis=0))
    return fresh


Rule = Callable[[onnx.NodeProto, Perm, Sinking], bool]

RULES: dict[str, Rule] = {
    **dict.fromkeys(UNARY, _unary),
    **dict.fromkeys(N_ARY, _n_ary),
    **dict.fromkeys(REDUCTIONS, _reduce),
    **dict.fromkeys(("Resize", "Upsample"), _resize),
    **dict.fromkeys(("Softmax", "LogSoftmax"), _softmax),
    "Concat": _concat,
    "Gather": _gather,
    "MatMul": _matmul,
    "Pad": _pad,
    "Shape": _shape,
    "Slice": _slice,
    "Split": _split,
}
"""What each operator becomes on the input of a Transpose; False, and nothing done, where it cannot."""

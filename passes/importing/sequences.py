"""Sequences and optionals written as the tensors they hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, shape_inference

from slsc.errors import ModelError
from slsc.passes.base import Pass, PassContext, PassResult, copy_of
from slsc.passes.graph import (
    attribute,
    declared_dims,
    hold_constants,
    initializers,
    label,
    opset,
    replace_nodes,
    set_initializer,
)
from slsc.passes.importing.control_flow import CONTROL_FLOW

MOST_PARTS = 4096
"""Tensors in one sequence: more than any network has channels."""

INPUTS_SINCE = 13
"""The operator set in which axes and sizes became inputs."""

Values = dict[str, npt.NDArray[Any]]


class PlainSequences(Pass):
    """SequenceAt(SplitToSequence(x), 1) -> the second output of Split(x), as older exporters write torch.split.

    1. What makes or changes a sequence goes, where its places and the extents of its parts are constants.
    2. An element of one is the tensor that was put there; its length is a constant; all of it together is a Concat, of
       tensors with an axis more where it stacks them.
    3. An Optional holds what it is given.
    4. Networks with loops are left for others to refuse: their sequences grow in those.
    """

    name = "plain-sequences"

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply the rules.

        Raises:
            ModelError: a sequence that no constants tell the parts of.
        """
        found = [node.op_type for node in model.graph.node if node.op_type in RULES and not node.domain]
        if not found or any(node.op_type in CONTROL_FLOW for node in model.graph.node):
            return PassResult(model, False, {"unrolled": []})
        result = copy_of(model)
        hold_constants(result)
        unrolling = _Unrolling(result)
        for node in result.graph.node:
            unrolling.visit(node)
        replace_nodes(result, unrolling.nodes)
        del result.graph.value_info[:]
        return PassResult(result, True, {"unrolled": sorted(set(found))})


class _Unrolling:
    """The nodes without sequences, and what those seen so far hold."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.parts: dict[str, list[str]] = {}
        self.constants: Values = initializers(model)
        self._model = model
        self._extents = _extents(model)

    def visit(self, node: onnx.NodeProto) -> None:
        """Unroll a node, or keep it."""
        rule = None if node.domain else RULES.get(node.op_type)
        if rule is None:
            self.nodes.append(node)
            return
        rule(self, node)

    def add(self, operator: str, inputs: list[str], outputs: list[str], **attributes: Any) -> None:
        """A node in place of one that goes."""
        self.nodes.append(helper.make_node(operator, inputs, outputs, outputs[0], **attributes))

    def add_by(
        self, operator: str, given: str, outputs: list[str], name: str, numbers: list[int], **attributes: int
    ) -> None:
        """A node with numbers that are an attribute before operator set 13, and an input since."""
        if opset(self._model) < INPUTS_SINCE:
            self.add(operator, [given], outputs, **{name: numbers}, **attributes)
            return
        held = f"{outputs[0]}.{name}"
        self.hold(held, np.array(numbers, np.int64))
        self.add(operator, [given, held], outputs, **attributes)

    def hold(self, name: str, value: npt.NDArray[Any]) -> None:
        """A constant."""
        set_initializer(self._model, name, value)
        self.constants[name] = value

    def sequence(self, node: onnx.NodeProto) -> list[str]:
        """The tensors that a node's first input holds."""
        if node.input[0] not in self.parts:
            raise _untold(node, f"nothing tells what {node.input[0]!r} holds")
        return self.parts[node.input[0]]

    def place(self, node: onnx.NodeProto, index: int, otherwise: int | None, least: int, most: int) -> int:
        """The place in a sequence that an input names, counted from the end where it is negative."""
        name = node.input[index] if len(node.input) > index else ""
        value = self.constants.get(name)
        if not name and otherwise is not None:
            return otherwise
        if value is None or value.size != 1:
            raise _untold(node, "its place in the sequence is computed")
        found = int(value.reshape(-1)[0])
        if not -least <= found <= most:
            raise ModelError("no such place in a sequence", where=label(node), why=f"{found} of {least}")
        return found + least if found < 0 else found

    def extent(self, node: onnx.NodeProto, axis: int) -> int:
        """Of a node's first input along an axis."""
        dims = self._extents.get(node.input[0])
        found = dims[axis] if dims is not None and -len(dims) <= axis < len(dims) else None
        if found is None:
            raise _untold(node, f"nothing tells the extent of {node.input[0]!r} along axis {axis}")
        return found


def _untold(node: onnx.NodeProto, why: str) -> ModelError:
    hint = "export it by tracing with sizes that are constant, or without lists of tensors"
    return ModelError(f"sequences ({node.op_type}) are not supported", where=label(node), why=why, hint=hint)


def _extents(model: onnx.ModelProto) -> dict[str, tuple[int | None, ...]]:
    """Extents of tensors along each axis, None for free ones, as far as ONNX can tell."""
    graph = shape_inference.infer_shapes(model).graph
    found = {value.name: declared_dims(value) for value in (*graph.value_info, *graph.input, *graph.output)}
    return {name: dims for name, dims in found.items() if dims is not None}


def _construct(work: _Unrolling, node: onnx.NodeProto) -> None:
    work.parts[node.output[0]] = list(node.input)


def _empty(work: _Unrolling, node: onnx.NodeProto) -> None:
    work.parts[node.output[0]] = []


def _insert(work: _Unrolling, node: onnx.NodeProto) -> None:
    held = work.sequence(node)
    place = work.place(node, 2, len(held), len(held), len(held))
    work.parts[node.output[0]] = [*held[:place], node.input[1], *held[place:]]


def _erase(work: _Unrolling, node: onnx.NodeProto) -> None:
    held = work.sequence(node)
    place = work.place(node, 1, len(held) - 1, len(held), len(held) - 1)
    work.parts[node.output[0]] = held[:place] + held[place + 1 :]


def _at(work: _Unrolling, node: onnx.NodeProto) -> None:
    held = work.sequence(node)
    work.add("Identity", [held[work.place(node, 1, None, len(held), len(held) - 1)]], list(node.output))


def _length(work: _Unrolling, node: onnx.NodeProto) -> None:
    work.hold(node.output[0], np.array(len(work.sequence(node)), np.int64))


def _concat(work: _Unrolling, node: onnx.NodeProto) -> None:
    held, axis = work.sequence(node), attribute(node, "axis")
    if attribute(node, "new_axis", 0):
        stacked = [f"{node.output[0]}.part{index}" for index in range(len(held))]
        for part, name in zip(held, stacked, strict=True):
            work.add_by("Unsqueeze", part, [name], "axes", [axis])
        held = stacked
    work.add("Concat", held, list(node.output), axis=axis)


def _split(work: _Unrolling, node: onnx.NodeProto) -> None:
    axis, made = attribute(node, "axis", 0), node.output[0]
    name = node.input[1] if len(node.input) > 1 else ""
    given = np.array(1) if not name else work.constants.get(name)
    if given is None:
        raise _untold(node, "the extents of its parts are computed")
    if given.ndim:
        sizes = [int(each) for each in given]
    else:
        whole, each = work.extent(node, axis), max(int(given), 1)
        sizes = [min(each, whole - start) for start in range(0, whole, each)]
    if len(sizes) > MOST_PARTS:
        raise ModelError(f"a sequence of {len(sizes)} tensors", where=label(node), why=f"slsc takes {MOST_PARTS}")
    parts = [f"{made}.part{index}" for index in range(len(sizes))]
    work.parts[made] = parts
    squeezes = not name and not attribute(node, "keepdims", 1)
    pieces = [f"{part}.kept" for part in parts] if squeezes else parts
    work.add_by("Split", node.input[0], pieces, "split", sizes, axis=axis)
    for piece, part in zip(pieces, parts if squeezes else (), strict=squeezes):
        work.add_by("Squeeze", piece, [part], "axes", [axis])


def _held(work: _Unrolling, node: onnx.NodeProto) -> None:
    if not node.input:
        raise _untold(node, "an optional holds nothing")
    if node.input[0] in work.parts:
        work.parts[node.output[0]] = work.parts[node.input[0]]
    else:
        work.add("Identity", list(node.input[:1]), list(node.output))


RULES: dict[str, Callable[[_Unrolling, onnx.NodeProto], None]] = {
    "SequenceConstruct": _construct,
    "SequenceEmpty": _empty,
    "SequenceInsert": _insert,
    "SequenceErase": _erase,
    "SequenceAt": _at,
    "SequenceLength": _length,
    "ConcatFromSequence": _concat,
    "SplitToSequence": _split,
    "Optional": _held,
    "OptionalGetElement": _held,
}

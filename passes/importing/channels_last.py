"""Channels first at the network's interface."""

from __future__ import annotations

from collections.abc import Sequence

import onnx
from onnx import helper

from slsc.passes.base import Pass, PassContext, PassResult, copy_of
from slsc.passes.graph import IMAGE_CHANNELS, attribute, consumers, declared_dims, producers

TO_FIRST, TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
"""Permutations from N,H,W,C to N,C,H,W and back."""

ELEMENTWISE = frozenset(("Cast", "Identity", "Add", "Sub", "Mul", "Div", "Clip", "Round", "Floor", "Slice", "Gather"))
"""What stands between an image that is put in and the Transpose that makes its channels first, or before an output."""

OF_FIRST = frozenset(("Conv", "ConvTranspose", "DepthToSpace"))
"""Operators that work on N,C,H,W only."""


class ChannelsFirst(Pass):
    """N x H x W x C in or out -> N x C x H x W, with a Transpose behind the input and before the output.

    1. An image of four axes has its channels last where the last axis is 1 or 3 and the second is no such number.
    2. Where the file leaves both open, an input has them last if all that use it come to a Transpose from N,H,W,C to
       N,C,H,W, but for what works value by value; an output if it comes from a Transpose back, and not if it comes from
       an operator that works on N,C,H,W; else it is laid out as the input is.
    3. The names of inputs and outputs stay.
    """

    name = "channels-first"

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply the rules to every input and output of four axes."""
        result = copy_of(model)
        graph, held = result.graph, {tensor.name for tensor in result.graph.initializer}
        inputs = [value for value in graph.input if value.name not in held and _is_last(value, result) is True]
        outputs = [value for value in graph.output if _is_last_output(value, result, bool(inputs))]
        if not inputs and not outputs:
            return PassResult(model, False, {"channels_last": []})
        inner = {value.name: f"{value.name}.channels_last" for value in (*inputs, *outputs)}
        for node in graph.node:
            for names in (node.input, node.output):
                names[:] = [inner.get(name, name) for name in names]
        for value in reversed(inputs):
            ends = [value.name], [inner[value.name]]
            graph.node.insert(0, helper.make_node("Transpose", *ends, f"{value.name}.last", perm=TO_LAST))
        for value in outputs:
            ends = [inner[value.name]], [value.name]
            graph.node.append(helper.make_node("Transpose", *ends, f"{value.name}.first", perm=TO_FIRST))
        for value in (*inputs, *outputs):
            _permute_shape(value)
        del graph.value_info[:]
        names = " and ".join(map(repr, inner))
        return PassResult(result, True, {"channels_last": list(inner), "note": f"{names} taken with channels first"})


def _declared(dims: Sequence[int | None]) -> bool | None:
    """Rule 1; None where both axes are free."""
    if dims[1] in IMAGE_CHANNELS or (dims[1] is not None and dims[3] is None):
        return False
    if dims[3] in IMAGE_CHANNELS:
        return True
    return None if dims[1] is None and dims[3] is None else False


def _is_last(value: onnx.ValueInfoProto, model: onnx.ModelProto) -> bool | None:
    dims = declared_dims(value)
    if dims is None or len(dims) != 4:
        return False
    declared = _declared(dims)
    return _comes_to_transpose(value.name, model) if declared is None else declared


def _is_last_output(value: onnx.ValueInfoProto, model: onnx.ModelProto, inputs_last: bool) -> bool:
    dims = declared_dims(value)
    if dims is not None and len(dims) != 4:
        return False
    declared = None if dims is None else _declared(dims)
    made_last = _comes_from_transpose(value.name, model) if declared is None else declared
    return inputs_last if made_last is None else made_last


def _comes_to_transpose(name: str, model: onnx.ModelProto) -> bool:
    """Rule 2 for an input."""
    users, pending, found = consumers(model), [name], False
    while pending:
        for node in users[pending.pop()]:
            if node.op_type == "Transpose" and _permutation(node) == TO_FIRST:
                found = True
            elif node.op_type in ELEMENTWISE:
                pending.extend(node.output)
            elif node.op_type != "Shape":
                return False
    return found


def _comes_from_transpose(name: str, model: onnx.ModelProto) -> bool | None:
    """Rule 2 for an output; None where it comes from neither."""
    makers = producers(model)
    while (node := makers.get(name)) is not None:
        if node.op_type == "Transpose":
            return True if _permutation(node) == TO_LAST else None
        if node.op_type not in ELEMENTWISE:
            return False if node.op_type in OF_FIRST else None
        name = node.input[0]
    return None


def _permutation(transpose: onnx.NodeProto) -> tuple[int, ...]:
    return tuple(attribute(transpose, "perm", ()))


def _permute_shape(value: onnx.ValueInfoProto) -> None:
    kind = value.type.tensor_type
    if kind.HasField("shape"):
        dims = [onnx.TensorShapeProto.Dimension() for _ in range(4)]
        for dim, place in zip(dims, TO_FIRST, strict=True):
            dim.CopyFrom(kind.shape.dim[place])
        del kind.shape.dim[:]
        kind.shape.dim.extend(dims)

"""Images without a batch, or with a single frame: four axes at the network's interface."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper

from slsc.passes.base import Pass, PassContext, PassResult, copy_of
from slsc.passes.graph import (
    IMAGE_CHANNELS,
    attribute,
    consumers,
    declared_dims,
    fed_inputs,
    hold_constants,
    initializers,
    opset,
    producers,
    rename_tensor,
    set_initializer,
)
from slsc.passes.importing.transposed_nodes import N_ARY, UNARY, set_attribute

Dims = tuple[int | None, ...]

LEAST_SIDE = 8
"""Rows and columns that an image of two axes is fixed to: what has fewer are features."""

SPATIAL_PAIRS = {False: (2, 3), True: (1, 2)}
"""Rows and columns of four axes, by whether channels are last."""


class FourAxes(Pass):
    """C x H x W, H x W x C, H x W or N x 1 x C x H x W in or out -> four axes.

    1. An image of three axes, of which the first or the last is 1 or 3, or of two, gets axes of 1 in front; one of five
       loses its frames where there is one, second or third. An output that declares no shape has the axes of the input,
       and one of three axes that declares none of its channels has them where the input has.
    2. Squeeze and Unsqueeze stand for that at the ends of the graph. They go where the network has the inverse there,
       with nothing between that minds: nodes that work value by value, and Transposes.
    3. A height or width that is fixed while the other is free becomes free: what the graph takes is looked at later.
    4. The names of inputs and outputs stay.
    """

    name = "four-axes"
    preserves_function = False  # it takes other inputs

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply the rules to networks of one input and one output."""
        inputs = fed_inputs(model)
        if len(inputs) != 1 or len(model.graph.output) != 1:
            return PassResult(model, False, {"axes": "several inputs or outputs"})
        given, made = declared_dims(inputs[0]), declared_dims(model.graph.output[0])
        ends = [_other_axes(given), _other_axes(given) if made is None else _other_axes(_with_channels(made, given))]
        half_fixed = given is not None and len(given) == len("NCHW") and _half_fixed(given)
        if not any(ends) and not half_fixed:
            return PassResult(model, False, {"axes": "four"})
        result = copy_of(model)
        hold_constants(result)
        del result.graph.value_info[:]
        image = next(value for value in result.graph.input if value.name == inputs[0].name)
        for value, axes, dims in ((image, ends[0], given), (result.graph.output[0], ends[1], made)):
            if axes:
                _change(result, value, axes, dims)
        for value in (image, result.graph.output[0]):
            _free_both(value)
        noted = given is not None and bool(ends[0])
        note = f"{image.name!r} [{', '.join(str(side or '?') for side in given or ())}] taken as one image of a batch"
        return PassResult(result, True, {"axes": [list(axes) for axes in ends], **({"note": note} if noted else {})})


def _with_channels(made: Dims, given: Dims | None) -> Dims:
    """Axes of an output, with the input's channels where both have three and it leaves first and last open."""
    if given is None or (len(made), len(given)) != (3, 3) or made[0] is not None or made[2] is not None:
        return made
    return given if given[0] in IMAGE_CHANNELS or given[2] in IMAGE_CHANNELS else made


def _other_axes(dims: Dims | None) -> tuple[int, ...]:
    """Rule 1: axes that are missing of two or three, or one too many of five; none where nothing is to be done."""
    if dims is None:
        return ()
    if len(dims) == 2:
        return (0, 1) if min(side or LEAST_SIDE for side in dims) >= LEAST_SIDE else ()
    if len(dims) == 3:
        return (0,) if dims[0] in IMAGE_CHANNELS or dims[2] in IMAGE_CHANNELS else ()
    if len(dims) == 5:
        without = {axis: dims[:axis] + dims[axis + 1 :] for axis in (1, 2) if dims[axis] == 1}
        return next(((axis,) for axis, rest in without.items() if {rest[1], rest[3]} & {*IMAGE_CHANNELS}), ())
    return ()


def _change(model: onnx.ModelProto, value: onnx.ValueInfoProto, axes: Sequence[int], dims: Dims | None) -> None:
    """Give an input or output other axes (rules 1, 2 and 4)."""
    is_input, more = value in model.graph.input, dims is None or len(dims) < len("NCHW")
    chain, inverse = _chain(model, value.name, axes, is_input, more)
    if inverse is not None:
        for node in chain:
            if node.op_type == "Transpose":
                perm = attribute(node, "perm")
                set_attribute(node, "perm", [*axes, *(place + len(axes) for place in perm)])
        del inverse.attribute[:], inverse.input[1:]
        inverse.op_type = "Identity"
    else:
        inner = f"{value.name}.own_axes"
        rename_tensor(model, value.name, inner)
        source, target = (value.name, inner) if is_input else (inner, value.name)
        node = _node(model, "Squeeze" if is_input == more else "Unsqueeze", source, target, axes)
        model.graph.node.insert(0 if is_input else len(model.graph.node), node)
    if dims is not None:
        _declare(value, axes, more)


def _chain(
    model: onnx.ModelProto, name: str, axes: Sequence[int], is_input: bool, more: bool
) -> tuple[list[onnx.NodeProto], onnx.NodeProto | None]:
    """The nodes between an end of the graph and the inverse of what is put there, and that; None where it is not."""
    users, makers, constants = consumers(model), producers(model), initializers(model)
    chain: list[onnx.NodeProto] = []
    rank, wanted = len("NCHW") - len(axes), "Unsqueeze" if is_input == more else "Squeeze"
    while True:
        nodes = users[name] if is_input else [makers[name]] if name in makers else []
        if len(nodes) != 1 or (not is_input and len(users[name]) != (1 if chain else 0)):
            return chain, None
        node = nodes[0]
        if node.op_type == wanted and _axes(node, constants) == tuple(axes):
            return chain, node
        others = [each for each in node.input if each and each != _carried(node, name, is_input)]
        mixed = any(each not in constants or constants[each].ndim > rank for each in others)
        if not more or mixed or node.op_type not in UNARY | N_ARY | {"Transpose"}:
            return chain, None
        if node.op_type == "Transpose" and attribute(node, "perm") is None:
            return chain, None
        chain.append(node)
        name = node.output[0] if is_input else _carried(node, name, is_input)


def _carried(node: onnx.NodeProto, name: str, is_input: bool) -> str:
    """Of a node's inputs the one that is looked at: towards the output the one come from, else the first."""
    return name if is_input else node.input[0]


def _axes(node: onnx.NodeProto, constants: dict[str, np.ndarray]) -> tuple[int, ...] | None:
    """Axes that a Squeeze or Unsqueeze names; None where they are computed or left out."""
    named = attribute(node, "axes")
    if named is None and len(node.input) > 1 and node.input[1] in constants:
        named = constants[node.input[1]].reshape(-1).tolist()
    return None if named is None else tuple(sorted(int(axis) for axis in named))


def _node(model: onnx.ModelProto, op_type: str, source: str, target: str, axes: Sequence[int]) -> onnx.NodeProto:
    if opset(model) < 13:
        return helper.make_node(op_type, [source], [target], f"{target}.axes", axes=axes)
    name = f"{target}.axes"
    set_initializer(model, name, np.array(axes, np.int64))
    return helper.make_node(op_type, [source, name], [target], name)


def _declare(value: onnx.ValueInfoProto, axes: Sequence[int], more: bool) -> None:
    shape = value.type.tensor_type.shape
    sides = [onnx.TensorShapeProto.Dimension() for _ in shape.dim]
    for side, dim in zip(sides, shape.dim, strict=True):
        side.CopyFrom(dim)
    one = onnx.TensorShapeProto.Dimension(dim_value=1)
    sides = [one] * len(axes) + sides if more else [side for axis, side in enumerate(sides) if axis not in axes]
    del shape.dim[:]
    shape.dim.extend(sides)


def _sides(dims: Dims) -> tuple[int, int]:
    return SPATIAL_PAIRS[dims[3] in IMAGE_CHANNELS and dims[1] not in IMAGE_CHANNELS]


def _half_fixed(dims: Dims) -> bool:
    rows, columns = _sides(dims)
    return (dims[rows] is None) != (dims[columns] is None)


def _free_both(value: onnx.ValueInfoProto) -> None:
    """Rule 3."""
    dims = declared_dims(value)
    if dims is not None and len(dims) == len("NCHW") and _half_fixed(dims):
        for axis in _sides(dims):
            value.type.tensor_type.shape.dim[axis].dim_param = f"{value.name}.{axis}"

"""From a network of several inputs and outputs to image in, image out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from slsc.errors import ModelError, UsageError
from slsc.passes.base import copy_of
from slsc.passes.graph import FLOAT_TYPES, attribute, declared_dims, fed_inputs, opset, rename_tensor, set_initializer
from slsc.passes.importing.binding import NOTHING_BOUND, Binding
from slsc.passes.importing.choose_output import shown, with_output

IMAGE_RANK, FIRST, LAST = 4, 1, 3
MOST_CHANNELS = 8
"""Of an image, with what else its input holds at every pixel."""

NUMBERS = (*FLOAT_TYPES, TensorProto.INT64, TensorProto.INT32, TensorProto.UINT8, TensorProto.BOOL)
MAX_ELEMENTS = 1 << 24
"""Largest number of values of an input that is made constant."""


def bind(model: onnx.ModelProto, binding: Binding) -> onnx.ModelProto:
    """The network with one input, the image, and the output that is wanted.

    1. The output is the one that is wanted; nodes and inputs that only others need go. Where none is named, all stay,
       for `slsc.passes.importing.choose_output` to choose from.
    2. The image is the input of four axes of which more than one is longer than 1, unless it is named.
    3. Every other input needs a value. A map over the image (rows and columns free, or as many as the image's) is made
       from it in the graph, as 0 * image + value, so that it has the image's size at every size and on every backend;
       of others the value becomes an initializer.
    4. Channels that the image input has after the image's own are made likewise. Where an output has as many, those of
       it go: alpha that was restored beside the colours.

    Raises:
        ModelError: an input without value, or it is not clear which input is the image.
        UsageError: the binding names what is not there, or has as many numbers as do not fit.
    """
    held = {tensor.name for tensor in model.graph.initializer}
    inputs = fed_inputs(model)
    if binding == NOTHING_BOUND and len(inputs) == 1:
        return model
    result = _keep_output(model, binding.output)
    inputs = _needed_inputs(result, held)
    _require_names(inputs, binding)
    image = _image(inputs, binding)
    for value in inputs:
        if value.name != image.name:
            _give(result, value, image, binding)
    if binding.extra_channels:
        _add_channels(result, image, binding.extra_channels)
    return result


def _keep_output(model: onnx.ModelProto, wanted: str | None) -> onnx.ModelProto:
    """Rule 1."""
    names = [value.name for value in model.graph.output]
    if wanted is None:
        return copy_of(model)
    if wanted not in names:
        raise UsageError(f"the network has no output {wanted!r}", hint=f"it has {', '.join(names) or 'none'}")
    return with_output(model, wanted)


def _needed_inputs(model: onnx.ModelProto, held: set[str]) -> list[onnx.ValueInfoProto]:
    """Those that something uses; the others go, unless there is no other."""
    used = {name for node in model.graph.node for name in node.input}
    inputs = [value for value in model.graph.input if value.name not in held]
    unused = {value.name for value in inputs if value.name not in used}
    if len(unused) < len(inputs):
        kept = [value for value in model.graph.input if value.name not in unused]
        del model.graph.input[:]
        model.graph.input.extend(kept)
    return [value for value in model.graph.input if value.name not in held]


def _require_names(inputs: Sequence[onnx.ValueInfoProto], binding: Binding) -> None:
    names = [value.name for value in inputs]
    for name in (*binding.values, *filter(None, [binding.input])):
        if name not in names:
            raise UsageError(
                f"the network has no input {name!r} that its output needs", hint=f"it has {', '.join(names) or 'none'}"
            )
    if binding.input in binding.values:
        raise UsageError(f"{binding.input!r} cannot be the image and have a value", hint="leave one of them out")


def _image(inputs: Sequence[onnx.ValueInfoProto], binding: Binding) -> onnx.ValueInfoProto:
    """Rule 2."""
    if binding.input is not None:
        return next(value for value in inputs if value.name == binding.input)
    free = [value for value in inputs if value.name not in binding.values]
    found = [value for value in free if _may_be_image(value)]
    if len(found) == 1:
        return found[0]
    if len(free) == 1:  # whatever is wrong with it is told by who looks at it closer
        return free[0]
    listed = ", ".join(map(shown, free))
    if not found:
        why = f"inputs: {listed or 'none'}"
        raise ModelError("the network has no image input", why=why, hint="say which it is: --input NAME")
    others = " ".join(f"--set {value.name}=VALUE" for value in free if value is not found[0])
    raise ModelError(
        "it is not clear which input is the image", why=listed, hint=f"use --input {found[0].name} {others}"
    )


def _may_be_image(value: onnx.ValueInfoProto) -> bool:
    dims = declared_dims(value)
    return dims is None or (len(dims) == IMAGE_RANK and sum(side != 1 for side in dims[1:]) > 1)


def _give(model: onnx.ModelProto, value: onnx.ValueInfoProto, image: onnx.ValueInfoProto, binding: Binding) -> None:
    """Rule 3."""
    if value.name not in binding.values:
        raise ModelError(
            f"the input {value.name!r} has no value",
            why=f"only the image, {shown(image)}, is fed; it is {shown(value)}",
            hint=f"give it one: --set {value.name}=VALUE, such as --set {value.name}=25/255 for a noise level",
        )
    if value.type.tensor_type.elem_type not in NUMBERS:
        raise ModelError(f"the input {value.name!r} is no tensor of numbers", hint="export the network without it")
    numbers, dims = binding.values[value.name], declared_dims(value)
    model.graph.input.remove(value)
    dtype = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
    if dims is not None and _is_map(dims, declared_dims(image)):
        channels = dims[_channel_axis(declared_dims(image))] or 1
        values = _fitted(numbers, (channels,), value.name).astype(dtype)
        nodes = _map_nodes(model, image, value.name, values, value.type.tensor_type.elem_type)
        for node in reversed(nodes):
            model.graph.node.insert(0, node)
    else:
        shape = tuple(side or 1 for side in dims or ())
        if math.prod(shape) > MAX_ELEMENTS:
            raise ModelError(f"the input {value.name!r} takes {math.prod(shape)} values", why=f"at most {MAX_ELEMENTS}")
        set_initializer(model, value.name, _fitted(numbers, shape, value.name).astype(dtype))


def _is_map(dims: tuple[int | None, ...], image: tuple[int | None, ...] | None) -> bool:
    """Whether an input has a value at every pixel of the image."""
    if len(dims) != IMAGE_RANK:
        return False
    axis = _channel_axis(image)
    sides = [dims[at] for at in range(1, IMAGE_RANK) if at != axis]
    if sides == [1, 1]:
        return False
    return None in sides or (image is not None and sides == [image[at] for at in range(1, IMAGE_RANK) if at != axis])


def _channel_axis(image: tuple[int | None, ...] | None) -> int:
    """Where the image has its channels: last if that axis is short, and the second is not."""
    if image is None or len(image) != IMAGE_RANK:
        return FIRST
    short = [side is not None and side <= MOST_CHANNELS for side in image]
    return LAST if short[LAST] and not short[FIRST] else FIRST


def _fitted(numbers: Sequence[float], shape: tuple[int, ...], name: str) -> npt.NDArray[np.float64]:
    count = math.prod(shape)
    if len(numbers) not in (1, count):
        raise UsageError(
            f"{len(numbers)} values for the input {name!r}",
            why=f"it takes {count}, or one for all of them",
            hint=f"--set {name}=VALUE",
        )
    given = np.asarray(numbers, np.float64)
    return np.full(shape, given[0]) if len(numbers) == 1 else given.reshape(shape)


def _add_channels(model: onnx.ModelProto, image: onnx.ValueInfoProto, values: Sequence[float]) -> None:
    """Rule 4."""
    dims = image.type.tensor_type.shape.dim
    whole = _channels(model, image)
    own = whole - len(values)
    kind = image.type.tensor_type.elem_type
    if len(dims) != IMAGE_RANK or own < 1 or kind not in NUMBERS:
        raise UsageError(
            f"{len(values)} extra channels do not go with the input {shown(image)}",
            hint="give --extra-channel once for each channel after the image's own",
        )
    axis = _channel_axis(declared_dims(image))
    dims[axis].dim_value = own
    joined = f"{image.name}.channels"
    rename_tensor(model, image.name, joined)
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    nodes, names = [], [image.name]
    for index, value in enumerate(values):
        name = f"{image.name}.channel{own + index}"
        nodes += _map_nodes(model, image, name, np.array([value], dtype), kind)
        names.append(name)
    nodes.append(helper.make_node("Concat", names, [joined], f"{joined}.concat", axis=axis))
    for node in reversed(nodes):
        model.graph.node.insert(0, node)
    for output in model.graph.output:
        _cut_channels(model, output, axis, own, whole)


def _cut_channels(model: onnx.ModelProto, output: onnx.ValueInfoProto, axis: int, own: int, whole: int) -> None:
    """Rule 4, for what comes out."""
    dims = output.type.tensor_type.shape.dim
    if len(dims) != IMAGE_RANK or dims[axis].dim_value != whole:
        return
    dims[axis].dim_value = own
    made = f"{output.name}.channels"
    rename_tensor(model, output.name, made)
    model.graph.node.append(_first_channels(model, made, output.name, axis, own))


def _channels(model: onnx.ModelProto, image: onnx.ValueInfoProto) -> int:
    """Channels that the image input declares, else those of the first convolution."""
    dims = declared_dims(image)
    declared = dims[_channel_axis(dims)] if dims is not None and len(dims) == IMAGE_RANK else None
    if declared:
        return declared
    shapes = {tensor.name: tensor.dims for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Conv" and node.input[0] == image.name and node.input[1] in shapes:
            return int(shapes[node.input[1]][1]) * int(attribute(node, "group", 1))
    return 0


def _map_nodes(
    model: onnx.ModelProto, image: onnx.ValueInfoProto, name: str, values: npt.NDArray[np.generic], kind: int
) -> list[onnx.NodeProto]:
    """Nodes that make `name`: 0 * (first channel of the image) + values, of type `kind`."""
    first, zero, value = f"{name}.first", f"{name}.zero", f"{name}.value"
    axis = _channel_axis(declared_dims(image))
    nodes = [_first_channels(model, image.name, first, axis, 1)]
    if image.type.tensor_type.elem_type != kind:
        nodes.append(helper.make_node("Cast", [first], [f"{first}.cast"], f"{first}.cast", to=kind))
        first = f"{first}.cast"
    set_initializer(model, zero, np.zeros((1, 1, 1, 1), values.dtype))
    shape = [1] * IMAGE_RANK
    shape[axis] = -1
    set_initializer(model, value, values.reshape(shape))
    nodes.append(helper.make_node("Mul", [first, zero], [f"{name}.blank"], f"{name}.blank"))
    nodes.append(helper.make_node("Add", [f"{name}.blank", value], [name], f"{name}.map"))
    return nodes


def _first_channels(model: onnx.ModelProto, source: str, output: str, axis: int, count: int) -> onnx.NodeProto:
    if opset(model) < 10:
        return helper.make_node("Slice", [source], [output], output, axes=[axis], starts=[0], ends=[count])
    bounds = (("from", 0), ("to", count), ("axis", axis))
    for what, bound in bounds:
        set_initializer(model, f"{output}.{what}", np.array([bound]))
    return helper.make_node("Slice", [source, *(f"{output}.{what}" for what, _ in bounds)], [output], output)

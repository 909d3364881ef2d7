"""Reading helpers over `onnx.ModelProto`: names, initializers, attributes, who makes and who uses a tensor."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from slsc.errors import ModelError

FLOAT_TYPES = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)
IMAGE_CHANNELS = (1, 3)
SIZE_OPERATORS = ("Shape", "Size")
CONVOLUTIONS = ("Conv", "ConvTranspose")


SEPARATE_INITIALIZERS = 4
"""The first IR version in which an initializer need not be a graph input as well."""


def image_input(model: onnx.ModelProto) -> tuple[str, str]:
    """Names of the image input and the image output.

    Raises:
        ModelError: not exactly one input and one output, or one of them is not a float NCHW tensor of 1 or 3 channels.
    """
    inputs = fed_inputs(model)
    outputs = list(model.graph.output)
    for kind, values in (("input", inputs), ("output", outputs)):
        if len(values) != 1:
            names = ", ".join(repr(value.name) for value in values) or "none"
            raise ModelError(
                f"the network needs exactly one {kind}, it has {len(values)}",
                why=f"{kind}s: {names}",
                hint="export the restoration network alone, image in, image out",
            )
        _require_image(values[0], kind)
    return inputs[0].name, outputs[0].name


def image_channels(model: onnx.ModelProto) -> int:
    """Channels of the image the network takes; where it leaves them free, those of its first convolution, or 3."""
    name, _ = image_input(model)
    declared = declared_shape(model, name)[1]
    if declared:
        return declared
    shapes = {tensor.name: tensor.dims for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Conv" and node.input[0] == name and node.input[1] in shapes:
            return int(shapes[node.input[1]][1]) * int(attribute(node, "group", 1))
    return 3


def declared_shape(model: onnx.ModelProto, name: str) -> tuple[int | None, ...]:
    """Shape of a graph input or output as the file declares it; None where an axis is free."""
    for value in (*model.graph.input, *model.graph.output):
        if value.name == name:
            return tuple(d.dim_value or None for d in value.type.tensor_type.shape.dim)
    raise KeyError(name)


def declared_dims(value: onnx.ValueInfoProto) -> tuple[int | None, ...] | None:
    """Declared extents; None for what is free, and for no declared shape at all."""
    kind = value.type.tensor_type
    return tuple(dim.dim_value or None for dim in kind.shape.dim) if kind.HasField("shape") else None


def fed_inputs(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """Inputs that are no initializers."""
    held = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in held]


def subgraphs(attr: onnx.AttributeProto) -> list[onnx.GraphProto]:
    """The graphs that an attribute holds."""
    return [*attr.graphs, *([attr.g] if attr.HasField("g") else [])]


def replace_nodes(model: onnx.ModelProto, nodes: Iterable[onnx.NodeProto]) -> None:
    """Give a graph other nodes, its own among them, in place; what was declared of tensors between them goes."""
    kept = [copy.deepcopy(node) for node in nodes]
    del model.graph.node[:], model.graph.value_info[:]
    model.graph.node.extend(kept)


def fixed_hw(model: onnx.ModelProto) -> tuple[int, int] | None:
    """Height and width the declared input is tied to; None when either is free."""
    _, _, height, width = declared_shape(model, image_input(model)[0])
    return None if height is None or width is None else (height, width)


def takes_one_image(model: onnx.ModelProto) -> bool:
    """Whether the declared batch is one image, and not free."""
    return declared_shape(model, image_input(model)[0])[0] == 1


def initializers(model: onnx.ModelProto) -> dict[str, npt.NDArray[Any]]:
    """Every initializer as an array, keyed by name, in the graph's order."""
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def set_initializer(model: onnx.ModelProto, name: str, value: npt.NDArray[Any]) -> None:
    """Replace the initializer `name` in place, or append it; the array's dtype is written."""
    fresh = numpy_helper.from_array(np.asarray(value, order="C"), name)
    for tensor in model.graph.initializer:
        if tensor.name == name:
            tensor.CopyFrom(fresh)
            return
    model.graph.initializer.append(fresh)


def free_initializers(model: onnx.ModelProto) -> None:
    """Let no initializer be a graph input as well, in place."""
    inputs = fed_inputs(model)
    if len(inputs) < len(model.graph.input):
        del model.graph.input[:]
        model.graph.input.extend(inputs)
    model.ir_version = max(model.ir_version, SEPARATE_INITIALIZERS)


def hold_constants(model: onnx.ModelProto) -> None:
    """Turn every Constant node into an initializer, in place.

    Raises:
        ModelError: a sparse or string constant.
    """
    kept = []
    for node in model.graph.node:
        if node.op_type == "Constant" and node.domain in ("", "ai.onnx"):
            fresh = numpy_helper.from_array(np.asarray(constant_tensor(node), order="C"), node.output[0])
            model.graph.initializer.append(fresh)
        else:
            kept.append(copy.deepcopy(node))
    if len(kept) < len(model.graph.node):
        del model.graph.node[:]
        model.graph.node.extend(kept)


def rename_tensor(model: onnx.ModelProto, old: str, new: str) -> None:
    """Let every node that makes or uses tensor `old` name it `new`; graph inputs and outputs keep their names."""
    for node in model.graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                if name == old:
                    names[index] = new


def drop_unused(model: onnx.ModelProto) -> None:
    """Remove the nodes that lead to no output, and the initializers no node uses."""
    used = {value.name for value in model.graph.output}
    nodes = []
    for node in reversed(model.graph.node):
        if used.intersection(node.output):
            used.update(node.input)
            nodes.append(node)
    tensors = [tensor for tensor in model.graph.initializer if tensor.name in used]
    if len(nodes) < len(model.graph.node) or len(tensors) < len(model.graph.initializer):
        copies = [copy.deepcopy(node) for node in reversed(nodes)], [copy.deepcopy(tensor) for tensor in tensors]
        for field, kept in zip((model.graph.node, model.graph.initializer), copies, strict=True):
            del field[:]
            field.extend(kept)


def image_dependent(model: onnx.ModelProto) -> frozenset[str]:
    """Names of the tensors that depend on what the image shows, the image included.

    The others follow from initializers, or from the image's size alone, which is what `SIZE_OPERATORS` tell of it.
    """
    return dependent(model, {image_input(model)[0]})


def input_dependent(model: onnx.ModelProto) -> frozenset[str]:
    """As `image_dependent`, of everything that is put in, whatever its shape and type."""
    held = {tensor.name for tensor in model.graph.initializer}
    return dependent(model, {value.name for value in model.graph.input} - held)


def dependent(model: onnx.ModelProto, names: Iterable[str]) -> frozenset[str]:
    """Names of the tensors that depend on what some hold, these included."""
    found = set(names)
    for node in model.graph.node:
        if node.op_type not in SIZE_OPERATORS and found.intersection(node.input):
            found.update(filter(None, node.output))
    return frozenset(found)


def constant_tensors(model: onnx.ModelProto) -> set[str]:
    """Names of the tensors that follow from initializers alone, the initializers included."""
    constant = {tensor.name for tensor in model.graph.initializer}
    for node in model.graph.node:
        if all(name in constant for name in node.input if name):
            constant.update(filter(None, node.output))
    return constant


def producers(model: onnx.ModelProto) -> dict[str, onnx.NodeProto]:
    """The node that makes each tensor."""
    return {name: node for node in model.graph.node for name in node.output if name}


def consumers(model: onnx.ModelProto) -> dict[str, list[onnx.NodeProto]]:
    """The nodes that use each tensor; a node that uses it twice is listed twice."""
    users: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in model.graph.node:
        for name in node.input:
            users[name].append(node)
    return users


def attribute(node: onnx.NodeProto, name: str, default: Any = None) -> Any:
    """An attribute's Python value, or `default` where the node does not set it."""
    for attr in node.attribute:
        if attr.name == name:
            value = onnx.helper.get_attribute_value(attr)
            return value.decode(errors="replace") if isinstance(value, bytes) else value
    return default


def constant_tensor(node: onnx.NodeProto) -> npt.NDArray[Any]:
    """The value of a Constant node, whichever attribute holds it.

    Raises:
        ModelError: a sparse or string constant.
    """
    attr = node.attribute[0]
    if attr.name == "value":
        return numpy_helper.to_array(attr.t)
    if attr.name in ("value_float", "value_floats"):
        return np.array(onnx.helper.get_attribute_value(attr), np.float32)
    if attr.name in ("value_int", "value_ints"):
        return np.array(onnx.helper.get_attribute_value(attr), np.int64)
    raise ModelError(f"Constant with attribute {attr.name!r} is not supported", where=label(node))


def label(node: onnx.NodeProto) -> str:
    """How messages name a node: its name, else its op and first output."""
    made = node.output[0] if node.output else "nothing"
    return f"{node.op_type} {node.name!r}" if node.name else f"{node.op_type} making {made!r}"


def opset(model: onnx.ModelProto) -> int:
    """Version of the default operator set the model imports."""
    return max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=1)


def _require_image(value: onnx.ValueInfoProto, kind: str) -> None:
    tensor = value.type.tensor_type
    shape = [d.dim_value or d.dim_param or "?" for d in tensor.shape.dim]
    if not value.type.HasField("tensor_type") or tensor.elem_type not in FLOAT_TYPES:
        raise ModelError(
            f"the {kind} is not a floating-point tensor", where=value.name, hint="export with float inputs"
        )
    if tensor.HasField("shape") and len(shape) != 4:
        raise ModelError(
            f"the {kind} is not an image batch",
            where=value.name,
            why=f"shape {shape}, need N,C,H,W",
            hint="slsc restores photos one by one: export a network of one image in and one out",
        )
    if kind == "input" and not tensor.HasField("shape"):
        raise ModelError("the input declares no shape", where=value.name, hint="export it as N,C,H,W")
    if tensor.HasField("shape") and shape[1] not in IMAGE_CHANNELS and shape[3] in IMAGE_CHANNELS:
        raise ModelError(
            f"the {kind} has its channels last",
            where=value.name,
            why=f"shape {shape}",
            hint="export the network with channels first, N,C,H,W",
        )
    if kind == "input" and len({isinstance(side, int) for side in shape[2:]}) > 1:
        raise ModelError(
            "one of height and width is fixed, the other free", where=value.name, hint="export with both free"
        )
    if tensor.HasField("shape") and isinstance(shape[1], int) and shape[1] not in IMAGE_CHANNELS:
        raise ModelError(
            f"the {kind} has {shape[1]} channels",
            where=value.name,
            why="only 1 (luma or grey) and 3 (colour) are images slsc can feed",
            hint="if those after the image's own are constant, such as a noise level, or alpha of 1: "
            "--extra-channel VALUE for each"
            if kind == "input"
            else "export a network that takes and gives N,1,H,W or N,3,H,W",
        )

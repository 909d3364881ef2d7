"""Element types of every tensor of a graph, whatever operators it holds and whatever is known of its shapes."""

from __future__ import annotations

from functools import cache

import onnx
from onnx import TensorProto, defs

from slsc.passes.graph import attribute, opset

NAMED = {f"tensor({name.lower()})": number for name, number in TensorProto.DataType.items()}
"""Types as ONNX's schemas write them; those that a schema lets a node choose have other names."""

NAMES = {number: name.lower() for name, number in TensorProto.DataType.items()}

TYPE_ATTRIBUTES = ("to", "dtype", "output_dtype", "stash_type")
"""Attributes that name a type."""

INTEGERS = (
    *(TensorProto.UINT8, TensorProto.INT8, TensorProto.UINT16, TensorProto.INT16),
    *(TensorProto.INT32, TensorProto.INT64),
)
"""Types whose numbers, as far as images have them, are numbers of float32."""

# fmt: off
MOVERS = frozenset((
    "Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "Identity", "MaxPool", "Pad", "Reshape", "Slice",
    "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze",
))
# fmt: on
"""Operators that hand on the values they get, whatever those stand for."""


def element_types(model: onnx.ModelProto) -> dict[str, int]:
    """The `TensorProto.DataType` of every tensor of the main graph whose type can be told.

    An output has the type of the inputs that its operator's schema ties it to, the one type the schema gives it, or
    the one an attribute names. Nodes of other operator sets tell nothing but by their first input.
    """
    types = {value.name: value.type.tensor_type.elem_type for value in model.graph.input}
    types |= {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    version = opset(model)
    for node in model.graph.node:
        kinds = _signature(node.op_type, version) if node.domain in ("", "ai.onnx") else None
        for index, name in enumerate(node.output):
            found = _of_output(node, index, kinds, types)
            if name and found:
                types[name] = found
    return types


def _of_output(
    node: onnx.NodeProto, index: int, kinds: tuple[tuple[str, ...], tuple[str, ...]] | None, types: dict[str, int]
) -> int | None:
    named = _by_attribute(node, types)
    if named or kinds is None:
        return named or types.get(node.input[0] if node.input else "")
    ins, outs = kinds
    kind = outs[min(index, len(outs) - 1)]
    if kind in NAMED:
        return NAMED[kind]
    tied = (name for place, name in enumerate(node.input) if ins[min(place, len(ins) - 1)] == kind)
    return next((types[name] for name in tied if name in types), None)


def _by_attribute(node: onnx.NodeProto, types: dict[str, int]) -> int | None:
    if node.op_type == "Cast":
        return int(attribute(node, "to"))
    if node.op_type in ("Constant", "ConstantOfShape"):
        held = next((attr for attr in node.attribute if attr.name.startswith("value")), None)
        if held is None:
            return int(TensorProto.FLOAT)
        if held.HasField("t"):
            return held.t.data_type
        return int(TensorProto.INT64 if held.name.startswith("value_int") else TensorProto.FLOAT)
    if node.op_type == "QuantizeLinear":
        zero = types.get(node.input[2]) if len(node.input) > 2 and node.input[2] else None
        return zero or int(attribute(node, "output_dtype", 0)) or int(TensorProto.UINT8)
    if node.op_type in ("EyeLike", "RandomNormalLike", "RandomUniformLike", "Bernoulli"):
        return attribute(node, "dtype")
    return None


@cache
def _signature(op_type: str, version: int) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Type names of an operator's inputs and outputs; the last one of each stands for all that follow."""
    if not defs.has(op_type, version):
        return None
    schema = defs.get_schema(op_type, version)
    ins, outs = (tuple(each.type_str for each in ends) for ends in (schema.inputs, schema.outputs))
    return (ins or ("",)), (outs or ("",))


def type_name(kind: int) -> str:
    """A type as messages name it, such as `float16`."""
    return NAMES.get(kind, f"number {kind}, which ONNX knows no type of")

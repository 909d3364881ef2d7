"""One type for everything that is computed: float32, from the image that goes in to the one that comes out."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from slsc.errors import ModelError
from slsc.passes.analysis.types import INTEGERS, MOVERS, TYPE_ATTRIBUTES, element_types, type_name
from slsc.passes.base import Pass, PassContext, PassResult, PostconditionError, copy_of
from slsc.passes.graph import SIZE_OPERATORS, attribute, consumers, hold_constants, input_dependent, label
from slsc.passes.importing.integer_output import absorb_rounding

OTHER_FLOATS = (TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)

INTEGER_IMAGES = {
    TensorProto.UINT8: (0.0, 255.0),
    TensorProto.INT8: (-128.0, 127.0),
    TensorProto.UINT16: (0.0, 65535.0),
}
"""Black and white of images that are stored so."""

CARRYING = MOVERS | {"Cast", *SIZE_OPERATORS}
"""Operators that do to integers what they do to numbers."""


class FloatImages(Pass):
    """A network of float16, bfloat16, float64 or integer images -> one of float32 images that computes in float32.

    1. An input or output of four axes that is stored as integers becomes float32 and holds the same numbers; which of
       them are black and white is then certain, and told in the report.
    2. What rounds an integer output goes: whoever writes the image rounds it (`slsc.passes.importing.integer_output`).
    3. Where the network computes in 16 or 64 bits, everything becomes float32: inputs, outputs, weights and the types
       that nodes name. So the file may grow. Its results change by the rounding to 16 bits that is left out.
    4. A network that computes in float32 with weights stored in 16 bits is left alone; weights that are stored in 64
       bits, and cast, become float32.
    5. A Cast from float32 to float32 becomes an Identity.
    """

    name = "float-images"
    preserves_function = False  # by the roundings of rules 2 and 3

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply the rules.

        Raises:
            ModelError: a node computes in integers.
        """
        types, moving = element_types(model), input_dependent(model)
        ends = [value for value in (*model.graph.input, *model.graph.output) if _is_image(value)]
        integers = {value.name: value.type.tensor_type.elem_type for value in ends}
        integers = {name: kind for name, kind in integers.items() if kind in INTEGERS}
        others = sorted({type_name(types[name]) for name in moving if types.get(name) in OTHER_FLOATS})
        wide = _cast_doubles(model)
        if not (integers or others or wide):
            return PassResult(model, False, {"integers": [], "computed_in": []})
        result = copy_of(model)
        hold_constants(result)
        ranges = {name: INTEGER_IMAGES[kind] for name, kind in integers.items() if kind in INTEGER_IMAGES}
        for value in result.graph.output:
            if value.name in integers:
                absorb_rounding(result, value.name)
        for tensor in result.graph.initializer:
            if tensor.name in wide:
                tensor.CopyFrom(_widened(tensor))
        if others:
            _widen_constants(result)
        for value in (*result.graph.input, *result.graph.output):
            kind = value.type.tensor_type
            if value.name in integers or (others and kind.elem_type in OTHER_FLOATS):
                kind.elem_type = TensorProto.FLOAT
        _widen_nodes(result, integers, bool(others))
        del result.graph.value_info[:]
        _require_float(result)
        report = {"integers": sorted(integers), "computed_in": others, "ranges": ranges}
        note = _note(integers, others)
        return PassResult(result, True, {**report, **({"note": note} if note else {})})

    def ensures(self, model: onnx.ModelProto, context: PassContext) -> None:
        """Nothing that depends on the image is of another floating-point type."""
        types = element_types(model)
        for name in input_dependent(model):
            if types.get(name) in OTHER_FLOATS:
                raise PostconditionError(f"a tensor is {type_name(types[name])}", where=name)


def _note(integers: dict[str, int], others: list[str]) -> str:
    parts = [f"{name!r} holds {type_name(kind)}, taken as numbers" for name, kind in integers.items()]
    parts += [f"computes in {' and '.join(others)}, taken in float32, as its ONNX artefact is"] if others else []
    return "; ".join(parts)


def _is_image(value: onnx.ValueInfoProto) -> bool:
    """Outputs that declare no shape count."""
    shape = value.type.tensor_type
    return not shape.HasField("shape") or len(shape.shape.dim) == 4


def _cast_doubles(model: onnx.ModelProto) -> set[str]:
    """Rule 4: tensors stored in 64 bits of which only Casts read."""
    users = consumers(model)
    stored = [tensor.name for tensor in model.graph.initializer if tensor.data_type == TensorProto.DOUBLE]
    return {name for name in stored if users[name] and all(node.op_type == "Cast" for node in users[name])}


def _widen_constants(model: onnx.ModelProto) -> None:
    """Rule 3, for what is stored."""
    for tensor in model.graph.initializer:
        if tensor.data_type in OTHER_FLOATS:
            tensor.CopyFrom(_widened(tensor))
    for node in model.graph.node:
        for attr in node.attribute:
            if attr.HasField("t") and attr.t.data_type in OTHER_FLOATS:
                attr.t.CopyFrom(_widened(attr.t))


def _widened(tensor: onnx.TensorProto) -> onnx.TensorProto:
    return numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name)


def _widen_nodes(model: onnx.ModelProto, integers: dict[str, int], widen: bool) -> None:
    """Rules 3 and 5 for nodes; numbers that were integers pass only what treats both alike."""
    whole = {value.name for value in model.graph.input if value.name in integers}
    for node in model.graph.node:
        if widen:
            _name_float(node)
        carried = whole.intersection(node.input)
        if carried and node.op_type not in CARRYING:
            raise ModelError(
                f"the network computes in integers ({node.op_type})",
                where=label(node),
                hint="let it Cast the image to float first",
            )
        if carried and node.op_type == "Cast":
            if attribute(node, "to") in INTEGERS:
                whole.update(node.output)
                node.attribute[0].i = TensorProto.FLOAT
        elif carried and node.op_type not in SIZE_OPERATORS:
            whole.update(node.output)
    _drop_idle_casts(model)


def _require_float(model: onnx.ModelProto) -> None:
    types = element_types(model)
    for value in filter(_is_image, model.graph.output):
        found = types.get(value.name, TensorProto.FLOAT)
        if found != value.type.tensor_type.elem_type:
            raise ModelError("the output is computed in integers", where=value.name, why=f"type {type_name(found)}")


def _name_float(node: onnx.NodeProto) -> None:
    for attr in node.attribute:
        if attr.name in TYPE_ATTRIBUTES and attr.i in OTHER_FLOATS:
            attr.i = TensorProto.FLOAT


def _drop_idle_casts(model: onnx.ModelProto) -> None:
    """Rule 5."""
    types = element_types(model)
    for node in model.graph.node:
        if node.op_type == "Cast" and types.get(node.input[0]) == attribute(node, "to"):
            node.op_type = "Identity"
            del node.attribute[:]

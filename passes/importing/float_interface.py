"""One type at the network's interface."""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper

from slsc.passes.base import Pass, PassContext, PassResult, PostconditionError, copy_of
from slsc.passes.graph import rename_tensor


class FloatInterface(Pass):
    """Images of another type in and out -> float32 images in and out.

    1. An input of four axes of another type becomes float32 under its own name, with a Cast to the old type behind it;
       likewise the output, with a Cast before it.
    2. Everything between keeps its type. So it is the network as it was, fed as others are: to compare with.
    """

    name = "float-interface"

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply rule 1 to every image input and image output."""
        result = copy_of(model)
        changed = []
        for value in _others(result):
            kind = value.type.tensor_type
            inner = f"{value.name}.{TensorProto.DataType.Name(kind.elem_type).lower()}"
            rename_tensor(result, value.name, inner)
            if value in result.graph.input:
                cast = helper.make_node("Cast", [value.name], [inner], f"{value.name}.cast", to=kind.elem_type)
                result.graph.node.insert(0, cast)
            else:
                ends = [inner], [value.name]
                result.graph.node.append(helper.make_node("Cast", *ends, f"{value.name}.cast", to=TensorProto.FLOAT))
            kind.elem_type = TensorProto.FLOAT
            changed.append(value.name)
        return PassResult(result, bool(changed), {"cast": changed})

    def ensures(self, model: onnx.ModelProto, context: PassContext) -> None:
        """Images are float32."""
        for value in _others(model):
            raise PostconditionError("the image is not float32", where=value.name)


def _others(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """Images of another type than float32."""
    kinds = [(value, value.type.tensor_type) for value in (*model.graph.input, *model.graph.output)]
    return [value for value, kind in kinds if len(kind.shape.dim) == 4 and kind.elem_type != TensorProto.FLOAT]

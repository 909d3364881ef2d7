"""One type at the network's interface."""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper

from slsc.passes.base import Pass, PassContext, PassResult, PostconditionError, copy_of
from slsc.passes.graph import image_input, rename_tensor


class FloatInterface(Pass):
    """float16 or float64 image in and out -> float32 image in and out.

    1. The runtime feeds and takes float32. An input of another type becomes float32 under its own name, with a Cast to
       the old type behind it; likewise the output, with a Cast before it.
    2. Everything between keeps its type: half-precision weights stay half.
    """

    name = "float-interface"

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply rule 1 to the image input and the image output."""
        result = copy_of(model)
        image, output = image_input(result)
        changed = []
        for value in (*result.graph.input, *result.graph.output):
            kind = value.type.tensor_type
            if value.name not in (image, output) or kind.elem_type == TensorProto.FLOAT:
                continue
            inner = f"{value.name}.{TensorProto.DataType.Name(kind.elem_type).lower()}"
            rename_tensor(result, value.name, inner)
            if value.name == image:
                cast = helper.make_node("Cast", [image], [inner], f"{image}.cast", to=kind.elem_type)
                result.graph.node.insert(0, cast)
            else:
                result.graph.node.append(
                    helper.make_node("Cast", [inner], [output], f"{output}.cast", to=TensorProto.FLOAT)
                )
            kind.elem_type = TensorProto.FLOAT
            changed.append(value.name)
        return PassResult(result, bool(changed), {"cast": changed})

    def ensures(self, model: onnx.ModelProto, context: PassContext) -> None:
        """Both ends are float32."""
        names = image_input(model)
        for value in (*model.graph.input, *model.graph.output):
            if value.name in names and value.type.tensor_type.elem_type != TensorProto.FLOAT:
                raise PostconditionError("the image is not float32", where=value.name)

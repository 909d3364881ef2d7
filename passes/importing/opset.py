"""Raising old models to the operator set the other passes write."""

from __future__ import annotations

import onnx
from onnx import helper

from slsc.passes.base import Pass, PassContext, PassResult, PostconditionError
from slsc.passes.graph import opset
from slsc.passes.operator_set import converted

MIN_OPSET = 11
"""The first operator set whose DepthToSpace can say CRD, the order of torch's pixel shuffle."""


class RaiseOpset(Pass):
    """Model below operator set 11 -> the same model in operator set 11, through ONNX's version converter.

    1. Models at 11 or above are left alone.
    2. Initializers keep their names.
    3. A Resize keeps the coordinates it had: before operator set 11 they were asymmetric and rounded down, which the
       converter does not write into the node, so that it would mean half-pixel coordinates.
    """

    name = "raise-opset"

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Convert.

        Raises:
            ModelError: ONNX cannot convert the model.
        """
        version = opset(model)
        if version >= MIN_OPSET:
            return PassResult(model, False, {"opset": version})
        result = converted(model, MIN_OPSET)
        result.ir_version = model.ir_version
        for node in result.graph.node:
            if node.op_type == "Resize":
                _keep_coordinates(node)
        return PassResult(result, True, {"opset": MIN_OPSET, "opset_before": version})

    def ensures(self, model: onnx.ModelProto, context: PassContext) -> None:
        """The operator set is at least 11."""
        if opset(model) < MIN_OPSET:
            raise PostconditionError(f"the model is still in operator set {opset(model)}")


def _keep_coordinates(node: onnx.NodeProto) -> None:
    """Rule 3."""
    kept = [attr for attr in node.attribute if attr.name not in ("coordinate_transformation_mode", "nearest_mode")]
    del node.attribute[:]
    node.attribute.extend(kept)
    node.attribute.append(helper.make_attribute("coordinate_transformation_mode", "asymmetric"))
    node.attribute.append(helper.make_attribute("nearest_mode", "floor"))

"""Raising a model to the operator set in which operators take the types that are to be written."""

from __future__ import annotations

import onnx
from onnx import version_converter

from slsc.errors import ModelError
from slsc.passes.base import copy_of
from slsc.passes.graph import opset


def raised(model: onnx.ModelProto, version: int) -> onnx.ModelProto:
    """A copy in an operator set, or in its own where that is newer.

    Raises:
        ModelError: ONNX cannot convert the model.
    """
    if opset(model) >= version:
        return copy_of(model)
    try:
        raised = version_converter.convert_version(model, version)
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"the model uses operator set {opset(model)}, which cannot be converted to {version}",
            why=str(error).strip().splitlines()[-1],
            hint=f"export it again with opset_version={version}",
        ) from None
    return raised

"""Converting a model to a newer operator set."""

from __future__ import annotations

import onnx
from onnx import version_converter

from slsc.errors import ModelError
from slsc.passes.graph import opset


def converted(model: onnx.ModelProto, version: int) -> onnx.ModelProto:
    """A copy of a model in another operator set, by ONNX's version converter.

    Raises:
        ModelError: ONNX cannot convert the model.
    """
    try:
        return version_converter.convert_version(model, version)
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"the model uses operator set {opset(model)}, which cannot be converted",
            why=str(error).strip().splitlines()[-1],
            hint=f"export it again with opset_version={version} or newer",
        ) from None

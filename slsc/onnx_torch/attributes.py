"""A node's attributes, parsed once when the module is built, with typed access for the op functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import onnx
from onnx import numpy_helper
from torch import Tensor

from slsc.errors import ModelError


@dataclass(frozen=True)
class Attributes:
    """What an op function knows of its node besides the inputs.

    Attributes:
        where: how errors name the node, such as `Conv 'up.0'`.
        opset: version of the default operator set the model imports.
        outputs: number of outputs the node lists.
        values: attribute name to int, float, str, list of those, or numpy array.
    """

    where: str
    opset: int
    outputs: int
    values: Mapping[str, Any]

    def integer(self, name: str, default: int) -> int:
        """An integer attribute."""
        return self.values.get(name, default)

    def real(self, name: str, default: float) -> float:
        """A float attribute."""
        return self.values.get(name, default)

    def text(self, name: str, default: str) -> str:
        """A string attribute."""
        return self.values.get(name, default)

    def integers(self, name: str, default: Sequence[int] = ()) -> list[int]:
        """A list of integers; `default` (or an empty list) where the attribute is absent."""
        return list(self.values.get(name, default))

    def refuse(self, why: str, hint: str = "export the model without it") -> ModelError:
        """The error for a form of this op that is not supported."""
        return ModelError("cannot execute this node", where=self.where, why=why, hint=hint)


Inputs: TypeAlias = Sequence[Any]
"""Inputs of an op function: a tensor each, or None for an omitted optional one."""

Handler: TypeAlias = Callable[[Attributes, Inputs], "Tensor | tuple[Tensor, ...]"]
"""An op: attributes and inputs to its output, or a tuple of outputs where the node has several."""


def parse_attributes(node: onnx.NodeProto, where: str, opset: int) -> Attributes:
    """Read every attribute of `node` into plain Python values."""
    values = {attribute.name: _value(attribute) for attribute in node.attribute}
    return Attributes(where, opset, len(node.output), values)


def _value(attribute: onnx.AttributeProto) -> Any:
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    if attribute.type in (onnx.AttributeProto.INTS, onnx.AttributeProto.FLOATS):
        return list(value)
    return value

"""Weights as a file stores them: found through type changes, read as the network computes with them, written back.

A weight may be stored as float16 or as 8-bit integers, and reach its convolution through Cast and DequantizeLinear; or
be rounded in the graph, by QuantizeLinear and DequantizeLinear. Whatever lies between, the weight is one initializer,
whose name is the layer's identity, and whose zeros are zeros of the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from slsc.errors import ModelError
from slsc.passes.graph import FLOAT_TYPES, attribute, consumers, label, producers

Array = npt.NDArray[Any]

TYPE_CHANGES = ("Identity", "Cast", "QuantizeLinear", "DequantizeLinear")
"""Operators that change how a number is held, and keep zero at zero."""

FLOATS = (*FLOAT_TYPES, TensorProto.BFLOAT16)
INTEGERS = (TensorProto.INT8, TensorProto.UINT8, TensorProto.INT16, TensorProto.UINT16, TensorProto.INT32)


@dataclass(frozen=True)
class Quantization:
    """Numbers as integers: number = (integer - zero_point) * scale.

    Attributes:
        scale: one number, or one along each axis where it varies; broadcasts to the weight.
        zero_point: likewise; in the integers' own type.
    """

    scale: Array
    zero_point: Array

    def numbers(self, integers: Array) -> Array:
        """What DequantizeLinear makes of integers, in the scale's type."""
        return (integers.astype(np.int32) - self.zero_point.astype(np.int32)).astype(self.scale.dtype) * self.scale

    def integers(self, numbers: Array) -> Array:
        """What QuantizeLinear makes of numbers: rounded half to even, saturated; 0 becomes the zero point.

        So does everything where the scale is 0, which no other integer stands for there.
        """
        bounds, scale = np.iinfo(self.zero_point.dtype), self.scale.astype(np.float32)
        steps = np.zeros(numbers.shape, np.float32)
        np.divide(numbers.astype(np.float32), scale, out=steps, where=scale != 0)
        return (
            (np.rint(steps).astype(np.float64) + self.zero_point)
            .clip(bounds.min, bounds.max)
            .astype(self.zero_point.dtype)
        )


@dataclass(frozen=True)
class Weight:
    """A weight of a graph.

    Attributes:
        name: the initializer.
        stored: what it holds, in its own type.
        values: the numbers it holds so, as floats of at least 32 bits, of the same shape.
        quantization: how stored integers stand for numbers; None where numbers are stored.
    """

    name: str
    stored: Array
    values: Array
    quantization: Quantization | None

    def restored(self, values: npt.ArrayLike) -> Array:
        """`values` as the initializer stores numbers: rounded to nearest; integers saturate, 0 stays exactly 0.

        An integer whose number does not change is kept. A float too large for the stored type becomes infinite.
        """
        fresh = np.asarray(values)
        if self.quantization is None:
            with np.errstate(over="ignore"):
                return fresh.astype(self.stored.dtype)
        return np.where(fresh == self.values, self.stored, self.quantization.integers(fresh))


class Weights:
    """The weights of a graph, by the tensor that a node reads or by their initializer. The graph must not change."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._held = {tensor.name: tensor for tensor in model.graph.initializer}
        self._makers, self._users = producers(model), consumers(model)

    def source_of(self, tensor: str) -> str | None:
        """The initializer that `tensor` is, apart from type changes; None where it is computed.

        Stored integers count where they are dequantized, with a scale that is itself an initializer.
        """
        path = self._path(tensor)
        return path[0] if path else None

    def weight_of(self, tensor: str) -> Weight | None:
        """The weight that `tensor` is, apart from type changes; None where it is computed."""
        path = self._path(tensor)
        return None if path is None else self._weight(*path)

    def type_changes(self, tensor: str) -> list[onnx.NodeProto]:
        """The nodes between the weight that `tensor` is and `tensor`, in order; none where it is computed."""
        path = self._path(tensor)
        return path[1] if path else []

    def computed(self, tensor: str) -> Array | None:
        """The numbers a node reads as `tensor`, type changes applied; None where it is no weight."""
        path = self._path(tensor)
        if path is None:
            return None
        values = numpy_helper.to_array(self._held[path[0]])
        for node in path[1]:
            if node.op_type == "Cast":
                values = values.astype(helper.tensor_dtype_to_np_dtype(attribute(node, "to")))
            elif node.op_type == "QuantizeLinear":
                values = self._quantization(node, values.shape).integers(values)
            elif node.op_type == "DequantizeLinear":
                values = self._quantization(node, values.shape).numbers(values)
        return values

    def quantized(self) -> dict[str, Weight]:
        """The initializers of integers that are dequantized, by name.

        Raises:
            ModelError: one of them is dequantized in two ways, or also used as integers.
        """
        found: dict[str, Weight] = {}
        for node in self._makers.values():
            if node.op_type != "DequantizeLinear" or node.input[0] not in self._held:
                continue
            weight = self.weight_of(node.output[0])
            if weight is None:
                continue
            if weight.name in found and not np.array_equal(found[weight.name].values, weight.values):
                raise ModelError("a weight is dequantized in two ways", where=label(node), why=f"{weight.name!r}")
            found[weight.name] = weight
            if any(user.op_type != "DequantizeLinear" for user in self._users[weight.name]):
                raise ModelError("a weight is dequantized, and used as integers too", where=f"{weight.name!r}")
        return found

    def by_name(self) -> dict[str, Weight]:
        """Every initializer as a weight, by name.

        Raises:
            ModelError: see `quantized`.
        """
        arrays = {name: numpy_helper.to_array(tensor) for name, tensor in self._held.items()}
        return {
            name: Weight(name, array, _at_least_single(array), None) for name, array in arrays.items()
        } | self.quantized()

    def _weight(self, name: str, nodes: Sequence[onnx.NodeProto]) -> Weight:
        stored = numpy_helper.to_array(self._held[name])
        if self._held[name].data_type in FLOATS:
            return Weight(name, stored, _at_least_single(stored), None)
        first = next(node for node in nodes if node.op_type == "DequantizeLinear")
        quantization = self._quantization(first, stored.shape)
        return Weight(name, stored, _at_least_single(quantization.numbers(stored)), quantization)

    def _path(self, tensor: str) -> tuple[str, list[onnx.NodeProto]] | None:
        """The initializer and the type changes that lead from it to `tensor`."""
        nodes: list[onnx.NodeProto] = []
        while tensor not in self._held:
            node = self._makers.get(tensor)
            if node is None or node.domain or node.op_type not in TYPE_CHANGES or tensor != node.output[0]:
                return None
            if node.op_type == "Cast" and attribute(node, "to") not in FLOATS:
                return None
            nodes.insert(0, node)
            tensor = node.input[0]
        quantizers = [node for node in nodes if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
        if any(name not in self._held for node in quantizers for name in node.input[1:] if name):
            return None
        kind = self._held[tensor].data_type
        first = next((node.op_type for node in nodes if node.op_type != "Identity"), "")
        numbers = kind in FLOATS and (not quantizers or quantizers[-1].op_type == "DequantizeLinear")
        return (tensor, nodes) if numbers or (kind in INTEGERS and first == "DequantizeLinear") else None

    def _quantization(self, node: onnx.NodeProto, shape: tuple[int, ...]) -> Quantization:
        scale = numpy_helper.to_array(self._held[node.input[1]])
        if len(node.input) > 2 and node.input[2]:
            zero = numpy_helper.to_array(self._held[node.input[2]])
        else:
            zero = np.zeros(scale.shape, self._integer_type(node))
        axis, block = int(attribute(node, "axis", 1)), int(attribute(node, "block_size", 0))
        return Quantization(*(_spread(each, shape, axis, block) for each in (scale, zero)))

    def _integer_type(self, node: onnx.NodeProto) -> np.dtype[Any]:
        """Of a node without a zero point."""
        if node.op_type == "DequantizeLinear" and node.input[0] in self._held:
            return helper.tensor_dtype_to_np_dtype(self._held[node.input[0]].data_type)
        return helper.tensor_dtype_to_np_dtype(attribute(node, "output_dtype", 0) or TensorProto.UINT8)


def weight_values(model: onnx.ModelProto) -> dict[str, Array]:
    """The numbers that every initializer stands for, by name: what N:M patterns are of.

    Raises:
        ModelError: see `Weights.quantized`.
    """
    return {name: weight.values for name, weight in Weights(model).by_name().items()}


def _at_least_single(numbers: Array) -> Array:
    """16-bit floats as float32."""
    return numbers.astype(np.float32) if numbers.dtype.name in ("float16", "bfloat16") else numbers


def _spread(parameter: Array, shape: tuple[int, ...], axis: int, block: int) -> Array:
    """A scale or zero point in a form that broadcasts to `shape`."""
    if parameter.size == 1:
        return parameter.reshape(())
    if parameter.ndim == 1:
        return parameter.reshape([-1 if place == axis % len(shape) else 1 for place in range(len(shape))])
    return np.repeat(parameter, block, axis).take(range(shape[axis]), axis)

"""Writing 8-bit integers into a float32 network: QuantizeLinear and DequantizeLinear around convolutions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, shape_inference

from slsc.passes.base import Pass, PassContext, PassResult, PostconditionError, PreconditionError, copy_of
from slsc.passes.graph import initializers, label, opset, set_initializer
from slsc.passes.operator_set import converted
from slsc.passes.weights import weight_values

INT8_OPSET = 13
"""The first operator set whose DequantizeLinear takes one scale per channel."""

WEIGHT_BOUND = 127
"""Weights are -127..127: what kernels multiply fastest, and as far below zero as above."""


@dataclass(frozen=True)
class Grid:
    """How integers stand for the numbers of one tensor: number = (integer - zero) * scale.

    Attributes:
        scale: above 0.
        zero: 0..255 with integers of that range; 0 with `signed`.
        signed: integers are -128..127, as TensorRT wants them, instead of 0..255.
    """

    scale: float
    zero: int
    signed: bool = False

    @property
    def dtype(self) -> np.dtype[np.integer[Any]]:
        """Of the integers."""
        return np.dtype(np.int8 if self.signed else np.uint8)

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest number there is an integer for."""
        info = np.iinfo(self.dtype)
        return (int(info.min) - self.zero) * self.scale, (int(info.max) - self.zero) * self.scale


@dataclass(frozen=True)
class RoundedWeight:
    """A convolution's weight in integers of -127..127: weight = integers * scale.

    Attributes:
        integers: (K, C/groups, ...) int8.
        scale: (K,) float32, above 0, one for each output channel.
    """

    integers: npt.NDArray[np.int8]
    scale: npt.NDArray[np.float32]

    @property
    def values(self) -> npt.NDArray[np.float32]:
        """The numbers they stand for, as DequantizeLinear makes them."""
        shape = (-1, *[1] * (self.integers.ndim - 1))
        return self.integers.astype(np.float32) * self.scale.reshape(shape)


@dataclass(frozen=True)
class Int8Types:
    """What convolutions compute with in 8 bits.

    Attributes:
        grids: by name of the tensor that such a convolution reads its image from.
        weights: by initializer.
        biases: float32 values by initializer, where they changed.
        factors: (C,) float32 above 0 by name of the tensor: what its channels are multiplied by before they are
            quantized, so that small ones do not vanish beside large ones. Weights are of what comes of that.
    """

    grids: Mapping[str, Grid]
    weights: Mapping[str, RoundedWeight]
    biases: Mapping[str, npt.NDArray[np.float32]]
    factors: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)


class WriteInt8(Pass):
    """float32 network -> the same network with 8-bit integers at the convolutions of `types`, strongly typed.

    1. Their weights become int8 initializers under their own names, read through DequantizeLinear with a float32 scale
       per output channel (axis 0) and zero points 0. What was zero stays zero.
    2. Every tensor that such a convolution reads goes through one QuantizeLinear and one DequantizeLinear, with one
       scale and zero point, for all of them together, and before that through a Mul by its factors, if it has some.
       Other nodes read it as it was.
    3. Biases stay float32, as everything else does.

    Args:
        types: the integers.
    """

    name = "write-int8"
    preserves_function = False

    def __init__(self, types: Int8Types) -> None:
        self._types = types

    def requires(self, model: onnx.ModelProto, context: PassContext) -> None:
        """The network is float32, and has the weights as initializers of convolutions."""
        require_untyped(model)
        held = initializers(model)
        for name, weight in self._types.weights.items():
            if name not in held or held[name].shape != weight.integers.shape:
                raise PreconditionError("the network has no such weight", where=repr(name))
            if np.abs(weight.integers.astype(np.int16)).max(initial=0) > WEIGHT_BOUND or not (weight.scale > 0).all():
                raise PreconditionError("integers or scales of a weight are out of range", where=repr(name))
        for name, grid in self._types.grids.items():
            if not (np.isfinite(np.float32(grid.scale)) and grid.scale > 0) or (grid.signed and grid.zero):
                raise PreconditionError("a tensor cannot be quantized so", where=repr(name), why=str(grid))
        for name, factors in self._types.factors.items():
            if not (np.isfinite(factors).all() and (factors > 0).all()):
                raise PreconditionError("a factor is not above 0", where=repr(name))

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply rules 1 to 3."""
        result = converted(model, INT8_OPSET) if opset(model) < INT8_OPSET else copy_of(model)
        writer = _Writer(result, self._types)
        nodes = list(result.graph.node)
        del result.graph.node[:]
        for node in nodes:
            writer.add(node)
        del result.graph.value_info[:]
        return PassResult(result, bool(writer.typed), {"int8": writer.typed})

    def ensures(self, model: onnx.ModelProto, context: PassContext) -> None:
        """Types fit together, weights are the numbers they were rounded to, and those masked are zero."""
        try:
            shape_inference.infer_shapes(model, check_type=True, strict_mode=False)
        except shape_inference.InferenceError as error:
            raise PostconditionError("the types do not fit together", why=str(error)) from None
        written = weight_values(model)
        for name, weight in self._types.weights.items():
            if not np.array_equal(written[name], weight.values):
                raise PostconditionError("a weight is not what it was rounded to", where=repr(name))


def require_untyped(model: onnx.ModelProto) -> None:
    """A network is typed once.

    Raises:
        PreconditionError: weights or activations are of other types than float32 already; names the first.
    """
    narrow = (TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.INT8, TensorProto.UINT8)
    for tensor in model.graph.initializer:
        if tensor.data_type in narrow:
            raise PreconditionError("the network is typed already", where=f"weight {tensor.name!r}")
    for node in model.graph.node:
        if is_quantizer(node):
            raise PreconditionError("the network is typed already", where=label(node))


def is_quantizer(node: onnx.NodeProto) -> bool:
    """Whether a node makes integers of numbers, or numbers of integers, or computes with such integers."""
    return node.op_type.startswith(("QLinear", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"))


class _Writer:
    """Nodes on their way into the graph, with the integers they compute with."""

    def __init__(self, model: onnx.ModelProto, types: Int8Types) -> None:
        self._model, self._types = model, types
        self._read: dict[str, str] = {}
        self._taken = {name for node in model.graph.node for name in (*node.input, *node.output)}
        self.typed: list[str] = []
        for name, bias in types.biases.items():
            set_initializer(model, name, bias)

    def add(self, node: onnx.NodeProto) -> None:
        """Append a node, and before it what its integers come through."""
        if node.op_type == "Conv" and node.input[1] in self._types.weights and node.input[0] in self._types.grids:
            self.typed.append(label(node))
            node.input[0] = self._activation(node.input[0])
        node.input[:] = [self._weight(name) if name in self._types.weights else name for name in node.input]
        self._model.graph.node.append(node)

    def _weight(self, name: str) -> str:
        """Rule 1."""
        if name not in self._read:
            weight = self._types.weights[name]
            set_initializer(self._model, name, weight.integers)
            zero = np.zeros(weight.scale.shape, np.int8)
            self._read[name] = self._dequantized(name, [name, *self._parameters(name, weight.scale, zero)], axis=0)
        return self._read[name]

    def _activation(self, name: str) -> str:
        """Rule 2."""
        if name not in self._read:
            grid = self._types.grids[name]
            scale, zero = np.float32(grid.scale), np.asarray(grid.zero, grid.dtype)
            made = self._fresh(f"{name}.int8")
            parameters = self._parameters(name, scale, zero)
            quantize = helper.make_node("QuantizeLinear", [self._multiplied(name), *parameters], [made], made)
            self._model.graph.node.append(quantize)
            self._read[name] = self._dequantized(name, [made, *parameters])
        return self._read[name]

    def _multiplied(self, name: str) -> str:
        """A tensor with its channels multiplied by its factors."""
        if name not in self._types.factors:
            return name
        factor, made = self._fresh(f"{name}.factor"), self._fresh(f"{name}.multiplied")
        set_initializer(self._model, factor, self._types.factors[name].reshape(-1, 1, 1))
        self._model.graph.node.append(helper.make_node("Mul", [name, factor], [made], made))
        return made

    def _dequantized(self, name: str, inputs: list[str], **attributes: Any) -> str:
        """What DequantizeLinear makes of integers."""
        made = self._fresh(f"{name}.dequantized")
        self._model.graph.node.append(helper.make_node("DequantizeLinear", inputs, [made], made, **attributes))
        return made

    def _parameters(self, name: str, scale: Any, zero: Any) -> tuple[str, str]:
        names = self._fresh(f"{name}.scale"), self._fresh(f"{name}.zero")
        for each, value in zip(names, (scale, zero), strict=True):
            set_initializer(self._model, each, np.asarray(value))
        return names

    def _fresh(self, name: str) -> str:
        """A name that no tensor has yet."""
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name

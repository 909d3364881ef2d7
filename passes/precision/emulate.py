"""A typed network in float32 that rounds where the typed one does, for machines without its arithmetic.

ONNX Runtime has no bfloat16 convolution on a CPU, and computes float16 ones in float32 there. GPUs multiply 16-bit
numbers, add up in float32, and round what an operator puts out: so does this.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

from slsc.passes.base import copy_of
from slsc.passes.graph import attribute, consumers, producers
from slsc.passes.precision.types import HALVES, FloatType
from slsc.passes.weights import Weights

HALF_TYPES = frozenset(kind.onnx for kind in HALVES.values())
"""ONNX's numbers of the 16-bit types."""


def emulated(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network with float32 tensors in the place of those of 16 bits.

    Weights keep their rounded values. Every tensor that was of a 16-bit type is rounded to it by a pair of Casts.
    """
    return _single(model, _half_tensors(model))


def widened(model: onnx.ModelProto) -> onnx.ModelProto:
    """As `emulated`, without the rounding of tensors: what is computed in 16 bits there is computed in float32."""
    return _single(model, {})


def _single(model: onnx.ModelProto, halves: Mapping[str, int]) -> onnx.ModelProto:
    """In float32, and rounded where `halves` tells a type."""
    result = copy_of(model)
    for tensor in result.graph.initializer:
        if tensor.data_type in HALF_TYPES:
            values = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    nodes = list(result.graph.node)
    del result.graph.node[:]
    for node in nodes:
        if node.op_type == "Cast" and attribute(node, "to") in HALF_TYPES:
            del node.attribute[:]
            node.attribute.append(helper.make_attribute("to", TensorProto.FLOAT))
        rounded = [(place, name) for place, name in enumerate(node.output) if name in halves]
        for place, name in rounded:
            node.output[place] = f"{name}.exact"
        result.graph.node.append(node)
        for _, name in rounded:
            result.graph.node.extend(_rounding(name, halves[name]))
    del result.graph.value_info[:]
    return result


def _rounding(name: str, kind: int) -> list[onnx.NodeProto]:
    """The pair of Casts that rounds `name`.exact to a type, as `name`."""
    return [
        helper.make_node("Cast", [f"{name}.exact"], [f"{name}.rounded"], f"{name}.round", to=kind),
        helper.make_node("Cast", [f"{name}.rounded"], [name], f"{name}.widen", to=TensorProto.FLOAT),
    ]


def convolutions_in(kind: FloatType, model: onnx.ModelProto) -> frozenset[str]:
    """Outputs of the convolutions that compute in a 16-bit type, or in float32 of numbers of the type alone."""
    types, makers, weights = _half_tensors(model), producers(model), Weights(model)

    def holds(name: str, weight: str) -> bool:
        """Whether what a convolution reads was of the type, and so are the numbers that its weight stores."""
        maker, stored = makers.get(name), weights.weight_of(weight)
        if maker is None or maker.op_type != "Cast" or types.get(maker.input[0]) != kind.onnx or stored is None:
            return False
        numbers = stored.values.astype(helper.tensor_dtype_to_np_dtype(kind.onnx)).astype(np.float32)
        return bool((numbers == stored.values).all())

    return frozenset(
        node.output[0]
        for node in model.graph.node
        if node.op_type == "Conv" and (types.get(node.output[0]) == kind.onnx or holds(*node.input[:2]))
    )


def tensors_in(kind: FloatType, model: onnx.ModelProto) -> frozenset[str]:
    """Computed tensors of a 16-bit type, and those of float32 that nothing reads but what rounds them to it."""
    outputs = {output.name for output in model.graph.output}
    types = _half_tensors(model)

    def rounds(node: onnx.NodeProto) -> bool:
        return node.op_type == "Cast" and attribute(node, "to") == kind.onnx

    rounded = {name for name, readers in consumers(model).items() if name not in outputs and all(map(rounds, readers))}
    return frozenset(rounded | {name for name, held in types.items() if held == kind.onnx})


def _half_tensors(model: onnx.ModelProto) -> dict[str, int]:
    """Computed tensors of 16-bit types, with their types."""
    inferred = shape_inference.infer_shapes(model).graph
    return {
        value.name: value.type.tensor_type.elem_type
        for value in inferred.value_info
        if value.type.tensor_type.elem_type in HALF_TYPES
    }

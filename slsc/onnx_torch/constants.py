"""Constants of an ONNX graph: reading initializers and Constant nodes, and writing new values into their place.

An initializer of integers that DequantizeLinear makes numbers of is read and written as those numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from slsc.errors import ModelError
from slsc.passes.graph import constant_tensor
from slsc.passes.weights import Weights

Array = npt.NDArray[np.generic]


def read_constants(graph: onnx.GraphProto) -> dict[str, Array]:
    """Every initializer and every Constant node's value, by name (of the initializer or of the node's output).

    Raises:
        ModelError: a constant is sparse, a string, or its external data is not loaded.
    """
    if graph.sparse_initializer:
        name = graph.sparse_initializer[0].values.name
        raise ModelError("sparse initializer", where=f"initializer {name!r}", hint="store the weights densely")
    constants = {tensor.name: _array(tensor, tensor.name) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            constants[node.output[0]] = _constant(node)
    return constants


def opened(model: onnx.ModelProto) -> tuple[onnx.GraphProto, dict[str, Array]]:
    """A graph without its initializers, and its constants.

    The constants are those of `read_constants`, but quantized initializers are the numbers they stand for, and their
    DequantizeLinear nodes are Identities.

    Raises:
        ModelError: see `read_constants` and `slsc.passes.weights.Weights.quantized`.
    """
    constants = read_constants(model.graph)
    numbers = {name: weight.values for name, weight in Weights(model).quantized().items()}
    graph = onnx.GraphProto(node=model.graph.node, input=model.graph.input, output=model.graph.output)
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in numbers:
            node.op_type = "Identity"
            del node.input[1:], node.attribute[:]
    return graph, {**constants, **numbers}


def write_constants(model: onnx.ModelProto, values: Mapping[str, Array]) -> onnx.ModelProto:
    """A copy of `model` in which the named initializers and Constant nodes hold `values`, in their own dtype.

    Where integers stand for numbers, those are rounded to them, and saturate. A tensor whose stored values do not
    change keeps its exact encoding.

    Raises:
        ModelError: a name is absent from the model, a shape differs, or a value does not fit the tensor's dtype.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    quantized = Weights(model).quantized()
    pending = {name: quantized[name].restored(value) if name in quantized else value for name, value in values.items()}
    for name, tensor in _tensors(result.graph):
        if name in pending:
            _replace(tensor, name, pending.pop(name))
    for node in result.graph.node:
        if node.op_type == "Constant" and node.output[0] in pending:
            _replace_floats(node, pending.pop(node.output[0]))
    if pending:
        raise ModelError("the model has no such weight", where=f"initializer {next(iter(pending))!r}")
    return result


def _array(tensor: onnx.TensorProto, name: str) -> Array:
    where = f"initializer {name!r}"
    if tensor.data_type == onnx.TensorProto.STRING:
        raise ModelError("holds strings", where=where, hint="re-export the model without string tensors")
    if onnx.external_data_helper.uses_external_data(tensor):
        raise ModelError(
            "its external data is not loaded", where=where, hint="load the file with slsc.passes.importing.load"
        )
    try:
        return numpy_helper.to_array(tensor)
    except (ValueError, TypeError) as error:
        raise ModelError("cannot be read", where=where, why=str(error)) from None


def _constant(node: onnx.NodeProto) -> Array:
    attribute = node.attribute[0]
    return _array(attribute.t, node.output[0]) if attribute.name == "value" else constant_tensor(node)


def _tensors(graph: onnx.GraphProto) -> Iterator[tuple[str, onnx.TensorProto]]:
    for tensor in graph.initializer:
        yield tensor.name, tensor
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            yield node.output[0], node.attribute[0].t


def _replace(tensor: onnx.TensorProto, name: str, value: Array) -> None:
    old = _array(tensor, name)
    new = _fitted(value, old, name)
    if new.tobytes() == old.tobytes():
        return
    fresh = numpy_helper.from_array(new, tensor.name)
    fresh.doc_string = tensor.doc_string
    tensor.CopyFrom(fresh)


def _replace_floats(node: onnx.NodeProto, value: Array) -> None:
    attribute = node.attribute[0]
    new = _fitted(value, _constant(node), node.output[0])
    if attribute.name == "value_float":
        attribute.f = float(new)
    else:
        attribute.floats[:] = new.tolist()


def _fitted(value: Array, old: Array, name: str) -> Array:
    """`value` in the dtype of `old`, rounded to nearest."""
    where = f"initializer {name!r}"
    if value.shape != old.shape:
        raise ModelError("the new weight has another shape", where=where, why=f"{value.shape} instead of {old.shape}")
    with np.errstate(over="ignore"):
        new = value.astype(old.dtype)
    if not np.array_equal(np.isfinite(new.astype(np.float64)), np.isfinite(value)):
        raise ModelError(f"a weight is too large for {old.dtype}", where=where, hint="store the weights as float32")
    return new

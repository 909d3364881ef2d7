"""What converters and people do to an ONNX file after the export: layouts, types, batches."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers.float16 import convert_float_to_float16

Batch = np.ndarray[Any, Any]


def channels_last(model: onnx.ModelProto) -> onnx.ModelProto:
    """As tf2onnx leaves Keras networks: transposed at both ends, with Keras' names."""
    model = _copied(model)
    image, restored = model.graph.input[0], model.graph.output[0]
    _put_before(model, image, "image:0", helper.make_node("Transpose", ["image:0"], [image.name], perm=[0, 3, 1, 2]))
    _put_after(model, restored, "conv2d/BiasAdd:0", [("Transpose", {"perm": [0, 2, 3, 1]})])
    for value in (image, restored):
        dims = list(value.type.tensor_type.shape.dim)
        del value.type.tensor_type.shape.dim[:]
        value.type.tensor_type.shape.dim.extend([dims[0], dims[2], dims[3], dims[1]])
    return _checked(model)


def as_bytes(model: onnx.ModelProto) -> onnx.ModelProto:
    """A network of 0..255 that takes and gives bytes."""
    model = _copied(model)
    image, restored = model.graph.input[0], model.graph.output[0]
    _put_before(model, image, "bytes", helper.make_node("Cast", ["bytes"], [image.name], to=TensorProto.FLOAT))
    model.graph.initializer.append(helper.make_tensor("black", TensorProto.FLOAT, [], [0.0]))
    model.graph.initializer.append(helper.make_tensor("white", TensorProto.FLOAT, [], [255.0]))
    ends = [("Round", {}), ("Clip", {"inputs": ["black", "white"]}), ("Cast", {"to": TensorProto.UINT8})]
    _put_after(model, restored, "restored_bytes", ends)
    for value in (image, restored):
        value.type.tensor_type.elem_type = TensorProto.UINT8
    return _checked(model)


def half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Everything in half precision, input and output too; the tool leaves nodes out of order."""
    return convert_float_to_float16(_copied(model))


def batch_of(model: onnx.ModelProto, count: int) -> onnx.ModelProto:
    """Exactly `count` images at a time."""
    model = _copied(model)
    for value in (model.graph.input[0], *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = count
    return _checked(model)


class _Photos(CalibrationDataReader):
    def __init__(self, name: str, batches: Iterable[Batch]) -> None:
        self._feeds: Iterator[dict[str, Batch]] = iter([{name: batch} for batch in batches])

    def get_next(self) -> dict[str, Batch] | None:
        return next(self._feeds, None)


def quantized(model: onnx.ModelProto, batches: Iterable[Batch], *, per_channel: bool) -> onnx.ModelProto:
    """Static int8 by ONNX Runtime's own tool: QuantizeLinear and DequantizeLinear around every layer.

    Args:
        model: float32.
        batches: inputs that the ranges are taken from.
        per_channel: a scale for each output channel of a weight, not one for all.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, prepared, made = (str(Path(folder) / name) for name in ("given.onnx", "prepared.onnx", "made.onnx"))
        onnx.save(model, given)
        quant_pre_process(given, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            made,
            _Photos(model.graph.input[0].name, batches),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=per_channel,
        )
        return onnx.load(made)


def _put_before(model: onnx.ModelProto, image: onnx.ValueInfoProto, name: str, node: onnx.NodeProto) -> None:
    """Put `node`, which reads `name` and makes the input, at the head of the graph."""
    image.name = name
    model.graph.node.insert(0, node)


def _put_after(
    model: onnx.ModelProto, restored: onnx.ValueInfoProto, name: str, chain: list[tuple[str, dict[str, Any]]]
) -> None:
    """Put a chain of nodes at the end of the graph, the last of which makes the output `name`."""
    last = restored.name
    for index, (op, attributes) in enumerate(chain):
        made = name if index == len(chain) - 1 else f"{name}_{index}"
        how = {key: value for key, value in attributes.items() if key != "inputs"}
        model.graph.node.append(helper.make_node(op, [last, *attributes.get("inputs", [])], [made], **how))
        last = made
    restored.name = name


def _copied(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


def _checked(model: onnx.ModelProto) -> onnx.ModelProto:
    onnx.checker.check_model(model)
    return model

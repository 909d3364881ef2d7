"""Exact shapes of every tensor of a graph at one concrete input size.

`onnx.shape_inference` gives up where a size is computed in the graph (the Resize of an attention branch that takes the
size of another tensor from Shape). Here each node is inferred on its own by ONNX's own schema, and small integer
tensors are evaluated as they become known, so those sizes are exact too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import defs, helper, numpy_helper, shape_inference

from slsc.errors import ModelError
from slsc.passes.analysis.evaluate import EVALUATED, evaluate
from slsc.passes.graph import attribute, fixed_hw, image_channels, image_input, label, opset

MAX_VALUE_ELEMENTS = 1024
"""Tensors up to this many elements are evaluated when their inputs are known; shapes and sizes are far smaller."""

SAMPLES = ((64, 96), (192, 144), (320, 480), (448, 672), (512, 768), (576, 1152))
"""Sizes tried where a network takes any, rows and columns apart: between them multiples of every stride in use."""

MULTIPLES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 128)
"""What sides must be multiples of: strides and windows in use, and their products."""


REARRANGING = ("Reshape", "SpaceToDepth", "DepthToSpace")
"""Operators that make as many values as they take."""


WINDOWED = ("Conv", "AveragePool", "MaxPool", "LpPool")


@dataclass(frozen=True)
class Shapes:
    """What is known of a graph at one input size.

    Attributes:
        of: shape of every tensor, initializers included.
        values: value of every small tensor that does not depend on the image (shapes, scales, slice bounds).
    """

    of: dict[str, tuple[int, ...]]
    values: dict[str, npt.NDArray[Any]]


def concrete_shapes(model: onnx.ModelProto, input_hw: tuple[int, int], batch: int = 1) -> Shapes:
    """Infer every shape for an image of `input_hw` pixels.

    Raises:
        ModelError: a node does not accept this size, is unknown to ONNX, or its shape depends on the image's content.
    """
    state = _State(model)
    name, _ = image_input(model)
    state.add_image(name, (batch, image_channels(model), *input_hw))
    for node in model.graph.node:
        state.visit(node, input_hw)
    return Shapes({key: _dims(value) for key, value in state.types.items()}, state.values)


def sample_sizes(model: onnx.ModelProto) -> list[tuple[int, int]]:
    """Sizes at which to look at a graph: the one it is fixed to, else those of `SAMPLES` it accepts, smallest first.

    Raises:
        ModelError: it accepts none of the sizes tried, with the reason for the largest.
    """
    fixed = fixed_hw(model)
    if fixed is not None:
        return [fixed]
    accepted = [size for size in SAMPLES if _accepts(model, size)]
    if not accepted:
        concrete_shapes(model, SAMPLES[-1])
    return accepted


def sample_size(model: onnx.ModelProto) -> tuple[int, int]:
    """The first of `sample_sizes`, without looking for the others; raises as it does."""
    fixed = fixed_hw(model)
    found = fixed or next((size for size in SAMPLES if _accepts(model, size)), None)
    return found or sample_sizes(model)[0]


def next_shapes(model: onnx.ModelProto, size: tuple[int, int]) -> tuple[tuple[int, int], Shapes]:
    """A size that a graph takes, and its shapes: this one, or the next whose sides are multiples of one of `MULTIPLES`.

    Raises:
        ModelError: as `concrete_shapes` of this size; no other is taken.
    """
    for multiple in MULTIPLES:
        rounded = -(-size[0] // multiple) * multiple, -(-size[1] // multiple) * multiple
        try:
            return rounded, concrete_shapes(model, rounded)
        except ModelError:
            continue
    return size, concrete_shapes(model, size)


def _accepts(model: onnx.ModelProto, size: tuple[int, int]) -> bool:
    try:
        concrete_shapes(model, size)
    except ModelError:
        return False
    return True


class _State:
    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self.types: dict[str, onnx.TypeProto] = {}
        self.values: dict[str, npt.NDArray[Any]] = {}
        self._opset = opset(model)
        self._made: dict[tuple[object, ...], list[onnx.TypeProto | None]] = {}
        for tensor in model.graph.initializer:
            self._hold(tensor.name, tensor)

    def _hold(self, name: str, tensor: onnx.TensorProto) -> None:
        self.types[name] = helper.make_tensor_type_proto(tensor.data_type, list(tensor.dims))
        if math.prod(tensor.dims) <= MAX_VALUE_ELEMENTS:
            self.values[name] = numpy_helper.to_array(tensor)

    def add_image(self, name: str, shape: tuple[int, ...]) -> None:
        declared = next(value for value in self.model.graph.input if value.name == name)
        self.types[name] = helper.make_tensor_type_proto(declared.type.tensor_type.elem_type, shape)

    def visit(self, node: onnx.NodeProto, input_hw: tuple[int, int]) -> None:
        if node.op_type == "Constant" and node.attribute[0].HasField("t"):
            # Of any type: before operator set 9 the schema allows floats alone, but exporters and runtimes do not mind.
            self._hold(node.output[0], node.attribute[0].t)
            return
        unmade = next((name for name in node.input if name and name not in self.types), None)
        if unmade:
            raise ModelError(f"takes {unmade!r}, which no node before it makes", where=label(node))
        known = {name: self.types[name] for name in node.input if name}
        for name, made in zip(node.output, self._inferred(node, known, input_hw), strict=True):
            if made is not None:
                self.types[name] = made
        if node.op_type in REARRANGING:
            self._require_same_count(node, input_hw)
        if node.op_type in WINDOWED:
            self._require_room(node, input_hw)
        self._evaluate(node, known)

    def _inferred(
        self, node: onnx.NodeProto, known: dict[str, onnx.TypeProto], input_hw: tuple[int, int]
    ) -> list[onnx.TypeProto | None]:
        """Type of each output, None for those left out. Networks repeat themselves: nodes alike are inferred once."""
        values = {name: self.values[name] for name in known if name in self.values}
        inputs = [
            (known[name].SerializeToString(), values[name].tobytes() if name in values else None) if name else None
            for name in node.input
        ]
        attributes = [attr.SerializeToString() for attr in node.attribute]
        key = (node.domain, node.op_type, *attributes, *inputs, *map(bool, node.output))
        if key not in self._made:
            self._made[key] = self._infer(node, known, values, input_hw)
        return self._made[key]

    def _infer(
        self,
        node: onnx.NodeProto,
        known: dict[str, onnx.TypeProto],
        values: dict[str, npt.NDArray[Any]],
        input_hw: tuple[int, int],
    ) -> list[onnx.TypeProto | None]:
        where, model = label(node), self.model
        try:
            schema = defs.get_schema(node.op_type, self._opset, node.domain)
        except defs.SchemaError:
            raise ModelError(f"unknown operator {node.domain or 'ai.onnx'}:{node.op_type}", where=where) from None
        data = {name: numpy_helper.from_array(value, name) for name, value in values.items()}
        try:
            made = shape_inference.infer_node_outputs(
                schema, node, known, data, opset_imports=list(model.opset_import), ir_version=model.ir_version
            )
        except (shape_inference.InferenceError, ValueError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[-1]
            raise ModelError(f"does not accept a {_hw(input_hw)} image", where=where, why=reason) from None
        if not all(_is_concrete(made.get(name)) for name in node.output if name):
            raise ModelError("its output's shape cannot be told before it runs", where=where)
        return [made[name] if name else None for name in node.output]

    def _require_same_count(self, node: onnx.NodeProto, input_hw: tuple[int, int]) -> None:
        """ONNX's inference takes a constant target at its word, and rounds a number of blocks down."""
        before, after = _dims(self.types[node.input[0]]), _dims(self.types[node.output[0]])
        if math.prod(before) != math.prod(after):
            why = f"{math.prod(before)} values do not fill the shape {list(after)}"
            raise ModelError(f"does not accept a {_hw(input_hw)} image", where=label(node), why=why)

    def _require_room(self, node: onnx.NodeProto, input_hw: tuple[int, int]) -> None:
        """ONNX's inference, as ONNX Runtime, counts one position of a window that is larger than its padded input."""
        if attribute(node, "auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
            return
        extent = _dims(self.types[node.input[0]])[2:]
        kernel = attribute(node, "kernel_shape") or _dims(self.types[node.input[1]])[2:]
        dilations, pads = (
            attribute(node, "dilations", [1] * len(kernel)),
            attribute(node, "pads", [0] * 2 * len(kernel)),
        )
        for axis, (side, window, step) in enumerate(zip(extent, kernel, dilations, strict=False)):
            padded = side + pads[axis] + pads[axis + len(kernel)]
            if padded < (window - 1) * step + 1:
                why = f"a window of {(window - 1) * step + 1} does not fit into {padded}"
                raise ModelError(f"does not accept a {_hw(input_hw)} image", where=label(node), why=why)

    def _evaluate(self, node: onnx.NodeProto, known: dict[str, onnx.TypeProto]) -> None:
        """Compute a small output whose inputs are all known. A Shape node needs only its input's shape."""
        outputs = [name for name in node.output if name]
        if node.op_type not in EVALUATED:
            return
        if any(math.prod(_dims(self.types[name])) > MAX_VALUE_ELEMENTS for name in outputs):
            return
        if node.op_type == "Shape":
            feeds = {node.input[0]: np.broadcast_to(np.float32(0), _dims(known[node.input[0]]))}
        elif all(name in self.values for name in known):
            feeds = {name: self.values[name] for name in known}
        else:
            return
        try:
            self.values.update(evaluate(node, self.model.opset_import, feeds))
        except Exception as error:  # whatever numpy and the reference operators raise on senseless values
            raise ModelError("cannot be computed", where=label(node), why=f"{type(error).__name__}: {error}") from None


def _dims(kind: onnx.TypeProto) -> tuple[int, ...]:
    return tuple(d.dim_value for d in kind.tensor_type.shape.dim)


def _is_concrete(kind: onnx.TypeProto | None) -> bool:
    if kind is None or not kind.HasField("tensor_type") or not kind.tensor_type.HasField("shape"):
        return False
    return all(d.HasField("dim_value") and d.dim_value >= 0 for d in kind.tensor_type.shape.dim)


def _hw(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"

"""Writing 16-bit types into a float32 network."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, shape_inference

from slsc.errors import ModelError
from slsc.passes.base import Pass, PassContext, PassResult, PostconditionError, PreconditionError, copy_of
from slsc.passes.graph import attribute, image_input, initializers, label, opset, rename_tensor, set_initializer
from slsc.passes.operator_set import converted
from slsc.passes.precision.types import BF16, FLOAT32, FloatType, can_compute_in, following_inputs


class WriteHalf(Pass):
    """float32 network -> the same network computed in a 16-bit type, float32 at its ends.

    1. Every node that can compute in the type does, but for those named in `keep`; a Cast stands wherever a tensor of
       one type is wanted in the other.
    2. Weights are rounded to nearest, under their own names. One that is too large for the type is refused.
    3. Where the operator set has no convolution of the type, the model is raised to the first that has.

    Args:
        kind: the type.
        keep: names of nodes that stay float32.
    """

    name = "write-half"
    preserves_function = False

    def __init__(self, kind: FloatType, keep: Collection[str] = ()) -> None:
        self._kind, self._keep = kind, frozenset(keep)

    def requires(self, model: onnx.ModelProto, context: PassContext) -> None:
        """All floats are float32: a network is typed once."""
        for tensor in model.graph.initializer:
            if tensor.data_type in (TensorProto.FLOAT16, TensorProto.BFLOAT16):
                raise PreconditionError("the network is typed already", where=f"weight {tensor.name!r}")

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply rules 1 to 3."""
        result = converted(model, self._kind.opset) if opset(model) < self._kind.opset else copy_of(model)
        writer = _Writer(result, self._kind)
        kept = []
        nodes = list(result.graph.node)
        del result.graph.node[:]
        for node in nodes:
            if node.name not in self._keep and can_compute_in(result, node, self._kind):
                writer.add(node, self._kind)
            else:
                kept.append(label(node))
                writer.add(node, FLOAT32)
        writer.finish()
        del result.graph.value_info[:]
        return PassResult(result, True, {"type": self._kind.name, "float32": kept, "casts": writer.casts})

    def ensures(self, model: onnx.ModelProto, context: PassContext) -> None:
        """Types fit together, as ONNX's own inference sees it."""
        try:
            shape_inference.infer_shapes(model, check_type=True, strict_mode=False)
        except shape_inference.InferenceError as error:
            raise PostconditionError("the types do not fit together", why=str(error)) from None


class _Writer:
    """Nodes on their way into the graph, each in its type."""

    def __init__(self, model: onnx.ModelProto, kind: FloatType) -> None:
        self._model, self._kind = model, kind
        self._floats = _float_tensors(model)
        self._weights = initializers(model)
        self._types: dict[str, FloatType] = dict.fromkeys(self._floats, FLOAT32)
        self._rounded: dict[str, npt.NDArray[Any]] = {}
        self._end = image_input(model)[1]
        self._cast: dict[tuple[str, FloatType], str] = {}
        self.casts = 0

    def add(self, node: onnx.NodeProto, kind: FloatType) -> None:
        """Append a node that computes in a type."""
        following = set(following_inputs(self._model, node, kind))
        for place, name in enumerate(node.input):
            if name in self._floats:
                node.input[place] = self._as(name, kind if place in following else FLOAT32)
        if node.op_type == "Cast" and attribute(node, "to") == TensorProto.FLOAT and kind is not FLOAT32:
            del node.attribute[:]
            node.attribute.append(helper.make_attribute("to", kind.onnx))
        for place, name in enumerate(node.output):
            if name not in self._floats:
                continue
            if name == self._end and kind is not FLOAT32:
                node.output[place] = name = f"{name}.{kind.name}"
            self._types[name] = kind
        self._model.graph.node.append(node)

    def finish(self) -> None:
        """Make the output float32, and let rounded weights take the names of those they replace."""
        inner = f"{self._end}.{self._kind.name}"
        if inner in self._types:
            self._append_cast(inner, self._end, FLOAT32)
        used = {name for node in self._model.graph.node for name in node.input}
        for (name, _), rounded in self._cast.items():
            if name in self._weights and name not in used:
                rename_tensor(self._model, rounded, name)
                set_initializer(self._model, name, self._rounded[rounded])
            elif name in self._weights:
                set_initializer(self._model, rounded, self._rounded[rounded])

    def _as(self, name: str, kind: FloatType) -> str:
        """The tensor `name` in a type."""
        if self._types[name] is kind:
            return name
        if (name, kind) not in self._cast:
            other = self._cast[name, kind] = f"{name}.{kind.name}"
            if name in self._weights:
                self._rounded[other] = _round(self._weights[name], kind, name)
            else:
                self._append_cast(name, other, kind)
        return self._cast[name, kind]

    def _append_cast(self, source: str, target: str, kind: FloatType) -> None:
        self._model.graph.node.append(helper.make_node("Cast", [source], [target], f"{target}.cast", to=kind.onnx))
        self.casts += 1


def _round(values: npt.NDArray[Any], kind: FloatType, name: str) -> npt.NDArray[Any]:
    """Rule 2."""
    with np.errstate(over="ignore"):
        rounded = values.astype(helper.tensor_dtype_to_np_dtype(kind.onnx))
    if not np.isfinite(rounded.astype(np.float32)).all():
        raise ModelError(
            f"a weight does not fit into {kind.name}",
            where=f"{name!r}",
            why=f"its largest magnitude is {np.abs(values).max():g}",
            hint=f"use --precision {BF16.name}",
        )
    return rounded


def _float_tensors(model: onnx.ModelProto) -> set[str]:
    """Names of the tensors that hold floats."""
    inferred = shape_inference.infer_shapes(model).graph
    values = (*inferred.value_info, *inferred.input, *inferred.output)
    return {value.name for value in values if value.type.tensor_type.elem_type == TensorProto.FLOAT} | {
        tensor.name for tensor in model.graph.initializer if tensor.data_type == TensorProto.FLOAT
    }

"""Reading a model file that may be anything: every way it can be bad is a `ModelError`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import AttributeProto, TensorProto, checker, helper

from slsc.errors import ModelError
from slsc.passes.analysis.types import NAMES, TYPE_ATTRIBUTES, type_name
from slsc.passes.graph import SEPARATE_INITIALIZERS, free_initializers, image_input, label, subgraphs
from slsc.passes.importing.bind import bind
from slsc.passes.importing.binding import NOTHING_BOUND, Binding
from slsc.passes.importing.expansion import require_bounded
from slsc.passes.importing.external_data import read_external_data
from slsc.passes.importing.foreign import foreign
from slsc.passes.importing.order import sort_nodes
from slsc.runtime.regular_file import require_regular

MAX_BYTES = 2**31 - 1
"""What one protobuf message can hold; the limit for the file and for all external data together."""

TYPED_FIELDS = ("float_data", "double_data", "int32_data", "int64_data", "uint64_data", "string_data")
"""Where a tensor may hold its values instead of in `raw_data`."""

PACKED = ("uint4", "int4", "float4e2m1", "uint2", "int2")
"""Types of which several values share a byte; restoration networks hardly bear them."""

HINT = "give an ONNX file, for instance one written by torch.onnx.export"


def load_model(path: str | Path, binding: Binding = NOTHING_BOUND) -> onnx.ModelProto:
    """Read an ONNX file, external data included, check it, and apply a binding.

    Args:
        path: the file.
        binding: what its inputs beside the image hold, and which output is wanted; see `slsc.passes.importing.bind`.

    Raises:
        ModelError: the file is missing, a folder, empty, too large, truncated, not ONNX, or fails ONNX's checker; its
            external data is missing, short, or outside the model's folder, by links too; a tensor's bytes do not match
            its shape.
        UsageError: `binding` does not fit.
    """
    path = Path(path)
    model = _parse(path)
    _raise_ir_version(model)
    try:
        read_external_data(model_tensors(model), path.parent, MAX_BYTES)
        for tensor in model_tensors(model):
            _check_size(tensor)
        require_bounded(model)
        sort_nodes(model.graph)
        _give_shape(model)
        require_valid(model)
        model = bind(model, binding)
    except ModelError as error:
        where = f"{path}: {error.where}" if error.where else str(path)
        raise ModelError(error.what, where=where, why=error.why, hint=error.hint) from error.__cause__
    return model


def model_of_bytes(data: bytes, where: str) -> onnx.ModelProto:
    """A network that must be whole in itself, such as an engine of a bundle, checked as `load_model` does.

    Args:
        data: an ONNX file's bytes.
        where: what errors call it.

    Raises:
        ModelError: as `load_model`, and for weights in another file.
    """
    model = _decode(data, where)
    for tensor in model_tensors(model):
        if tensor.data_location == TensorProto.EXTERNAL:
            raise ModelError("the weights lie in another file", where=tensor.name, why="nothing it names is followed")
        _check_size(tensor)
    require_valid(model)
    image_input(model)
    return model


def model_tensors(model: onnx.ModelProto) -> Iterator[TensorProto]:
    """Every tensor a model holds: of its graph, and of the functions it brings along."""
    yield from graph_tensors(model.graph)
    for function in model.functions:
        yield from _attribute_tensors(
            [*function.attribute_proto, *(a for node in function.node for a in node.attribute)]
        )


def graph_tensors(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    """Every tensor a graph holds: initializers, and the tensors in its nodes' attributes, subgraphs included."""
    yield from graph.initializer
    yield from _parts(graph.sparse_initializer)
    yield from _attribute_tensors(attr for node in graph.node for attr in node.attribute)


def _attribute_tensors(attributes: Iterable[onnx.AttributeProto]) -> Iterator[TensorProto]:
    for attr in attributes:
        if attr.HasField("t"):
            yield attr.t
        yield from attr.tensors
        yield from _parts([*attr.sparse_tensors, *([attr.sparse_tensor] if attr.HasField("sparse_tensor") else [])])
        for inner in subgraphs(attr):
            yield from graph_tensors(inner)


def _parts(sparse: Iterable[onnx.SparseTensorProto]) -> Iterator[TensorProto]:
    for tensor in sparse:
        yield from (tensor.values, tensor.indices)


def _parse(path: Path) -> onnx.ModelProto:
    where = str(path)
    try:
        if path.is_dir():
            raise ModelError("this is a folder, not a model file", where=where, hint=HINT)
        require_regular(path)
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ModelError(f"the file has {size} bytes", where=where, why=f"ONNX files end at {MAX_BYTES}")
        data = path.read_bytes()
    except FileNotFoundError:
        raise ModelError("no such file", where=where, hint="check the path") from None
    except OSError as error:
        raise ModelError("the file cannot be read", where=where, why=error.strerror or str(error)) from None
    if not data:
        raise ModelError("the file is empty", where=where, hint=HINT)
    return _decode(data, where)


def _decode(data: bytes, where: str) -> onnx.ModelProto:
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except (DecodeError, ValueError, RecursionError):
        raise _not_onnx(data, where, "not an ONNX model, or a truncated one", None) from None
    # Protobuf reads many foreign files as a message of unknown fields only.
    if not model.ir_version or not model.opset_import or not model.graph.node:
        raise _not_onnx(data, where, "not an ONNX model", "it holds no graph")
    _require_text(model, where)
    return model


def _not_onnx(data: bytes, where: str, what: str, why: str | None) -> ModelError:
    kind = foreign(data)
    if kind is None:
        return ModelError(what, where=where, why=why, hint=HINT)
    return ModelError("not an ONNX model", where=where, why=f"it is {kind.what}", hint=kind.hint)


def _require_text(model: onnx.ModelProto, where: str) -> None:
    """Protobuf hands out names that are not UTF-8 as bytes, which nothing else is prepared for."""
    graph = model.graph
    held = (*graph.input, *graph.output, *graph.value_info, *graph.initializer)
    names = [value.name for value in held]
    for node in graph.node:
        names += [
            node.name,
            node.op_type,
            node.domain,
            *node.input,
            *node.output,
            *(attr.name for attr in node.attribute),
        ]
    bad = next((name for name in names if isinstance(name, bytes)), None)
    if bad is not None:
        raise ModelError("the file holds a name that is not UTF-8", where=where, why=repr(bad), hint=HINT)


def _raise_ir_version(model: onnx.ModelProto) -> None:
    """Until IR version 3 every initializer is to be an input as well. Where one is not, runtimes take it as one that is
    none in IR version 4; where all are, nobody can have meant to feed them."""
    if model.ir_version < SEPARATE_INITIALIZERS:
        free_initializers(model)


def _give_shape(model: onnx.ModelProto) -> None:
    """Four free axes for an only output of which the file tells none: ONNX Runtime does not need them, the checker
    does."""
    if len(model.graph.output) == 1 and model.graph.output[0].type.HasField("tensor_type"):
        tensor = model.graph.output[0].type.tensor_type
        if not tensor.HasField("shape"):
            tensor.shape.dim.extend(onnx.TensorShapeProto.Dimension() for _ in range(4))


def require_valid(model: onnx.ModelProto, state: str = "") -> None:
    """Refuse what ONNX's own checker does, and what is too large.

    Args:
        model: its tensors' sizes are checked already.
        state: what was done to the file's model, in words that errors add.

    Raises:
        ModelError: with the checker's reason.
    """
    require_bounded(model)
    try:
        checker.check_model(model)
    except (checker.ValidationError, ValueError, RuntimeError) as error:
        why = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ModelError(
            f"the ONNX checker refuses the model{state}", why=why.strip(), hint="export it again"
        ) from None
    for node in model.graph.node:
        _require_complete(node)


def _require_complete(node: onnx.NodeProto) -> None:
    """Refuse what the checker lets through: attributes that stand for those of a function, outside of one, constants of
    no value, or of several, and types that there are none of.
    """
    why = next((f"its {attr.name} is that of a function" for attr in node.attribute if attr.ref_attr_name), None)
    if node.op_type == "Constant" and len(node.attribute) != 1:
        why = f"it has {len(node.attribute)} values"
    named = (attr for attr in node.attribute if attr.name in TYPE_ATTRIBUTES and attr.type == AttributeProto.INT)
    why = next((f"its {attr.name} is {type_name(attr.i)}" for attr in named if attr.i not in NAMES), why)
    if why:
        raise ModelError("the node is not complete", where=label(node), why=why, hint="export it again")


def _check_size(tensor: TensorProto) -> None:
    """The stored bytes must be what shape and type say: nothing later may trust a hostile shape."""
    if tensor.data_type == TensorProto.STRING:
        raise ModelError("holds text", where=tensor.name, why="a restoration network has no use for it")
    if tensor.HasField("segment"):
        raise ModelError("the tensor is stored in segments", where=tensor.name, why="no ONNX reader puts them together")
    if NAMES.get(tensor.data_type) in PACKED:
        kind = type_name(tensor.data_type)
        raise ModelError(f"the tensor is stored as {kind}", where=tensor.name, hint="quantize the network to 8 bits")
    try:
        itemsize = helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    except (KeyError, ValueError, TypeError):
        raise ModelError(f"unknown tensor type {tensor.data_type}", where=tensor.name) from None
    if any(dim < 0 for dim in tensor.dims):
        raise ModelError(f"negative dimension in shape {list(tensor.dims)}", where=tensor.name)
    numel = int(np.prod([int(dim) for dim in tensor.dims], dtype=object)) if tensor.dims else 1
    if tensor.HasField("raw_data"):
        if any(len(getattr(tensor, each)) for each in TYPED_FIELDS):
            raise ModelError("the tensor holds its values twice", where=tensor.name, why="readers may take either")
        good = len(tensor.raw_data) == numel * itemsize
    else:
        field = helper.tensor_dtype_to_field(tensor.data_type)
        good = len(getattr(tensor, field)) == numel
    if not good:
        raise ModelError(f"the tensor's bytes do not match its shape {list(tensor.dims)}", where=tensor.name)

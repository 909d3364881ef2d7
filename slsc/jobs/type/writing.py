"""From a float32 network to the same one in 16 bits, with what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import TensorProto

from slsc.errors import ModelError, UsageError
from slsc.jobs.compile.measuring import HeldOut, Quality
from slsc.jobs.compile.photos import from_photos, photos, probe_photos
from slsc.passes.base import PassContext
from slsc.passes.importing.import_model import import_model
from slsc.passes.importing.load import load_model
from slsc.passes.pipeline import Pipeline
from slsc.passes.precision.emulate import emulated
from slsc.passes.precision.half import WriteHalf
from slsc.passes.precision.types import HALVES
from slsc.probe import Known, probe_io
from slsc.runtime.atomic import staged

NARROW = (TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.INT8, TensorProto.UINT8)
"""Types of weights that tell that a file was typed before."""


@dataclass(frozen=True)
class TypeRequest:
    """What to type, and how.

    Attributes:
        model: the ONNX file.
        precision: one of `slsc.passes.precision.types.HALVES`.
        keep: names of nodes that stay float32.
        output: the file to write.
        data: folder of photos to measure the loss on; scikit-image's own for None.
        known: what the probe need not find out.
    """

    model: Path
    precision: str
    keep: tuple[str, ...]
    output: Path
    data: Path | None
    known: Known


@dataclass(frozen=True)
class TypeReport:
    """What was written.

    Attributes:
        nodes: number of nodes by the type they compute in.
        casts: Casts between types.
        before: bytes of the float32 network, after the import passes.
        after: bytes of the typed one.
        dense: the float32 network on held-out photos.
        typed: the typed one, every rounding emulated; `psnr_to_dense` is to the float32 network.
        held_out: number of photos.
        doubts: what of the network's interface is assumed, in words.
    """

    nodes: Mapping[str, int]
    casts: int
    before: int
    after: int
    dense: Quality
    typed: Quality
    held_out: int
    doubts: tuple[str, ...]

    @property
    def loss(self) -> float | None:
        """PSNR against the wanted images that the types cost, in dB; None without such."""
        if self.dense.psnr is None or self.typed.psnr is None:
            return None
        return self.dense.psnr - self.typed.psnr


def write_typed(request: TypeRequest) -> TypeReport:
    """Type a network and write `request.output`, or raise and write nothing.

    Raises:
        ModelError: the file is unusable, typed already, or has a weight that does not fit the type.
        UsageError: a node that is to be kept is not there.
        SlscError: any other of its branches.
    """
    source = load_model(request.model)
    _require_untyped(source, request.model)
    network = import_model(source).model
    _require_nodes(network, request.keep)
    result = Pipeline([WriteHalf(HALVES[request.precision], request.keep)]).run(network, PassContext())
    measured = _measured(network, result.model, request)
    data = result.model.SerializeToString(deterministic=True)
    with staged(request.output) as (stream, _):
        stream.write(data)
    report = result.report[WriteHalf.name]
    return TypeReport(
        nodes=_types(result.model, report["float32"], request.precision),
        casts=report["casts"],
        before=network.ByteSize(),
        after=len(data),
        dense=measured.dense,
        typed=measured.typed,
        held_out=measured.held_out,
        doubts=measured.doubts,
    )


def _require_untyped(model: onnx.ModelProto, path: Path) -> None:
    narrow = next((tensor for tensor in model.graph.initializer if tensor.data_type in NARROW), None)
    if narrow is not None:
        kind = TensorProto.DataType.Name(narrow.data_type).lower()
        raise ModelError(
            "the network is typed already",
            where=str(path),
            why=f"weight {narrow.name!r} is {kind}",
            hint="give the float32 network it was made from",
        )


def _require_nodes(model: onnx.ModelProto, keep: tuple[str, ...]) -> None:
    known = {node.name for node in model.graph.node}
    if strangers := [name for name in keep if name not in known]:
        some = ", ".join(sorted(filter(None, known))[:5])
        raise UsageError(f"the network has no node {strangers[0]!r}", hint=f"nodes are {some}, ...")


def _types(model: onnx.ModelProto, float32: list[str], precision: str) -> Mapping[str, int]:
    computing = sum(node.op_type not in ("Cast", "Constant") for node in model.graph.node)
    return {precision: computing - len(float32), "float32": len(float32)}


@dataclass(frozen=True)
class _Measured:
    dense: Quality
    typed: Quality
    held_out: int
    doubts: tuple[str, ...]


def _measured(network: onnx.ModelProto, typed: onnx.ModelProto, request: TypeRequest) -> _Measured:
    images = photos(request.data, 0)
    probe = probe_io(network, probe_photos(images), request.known)
    data = from_photos(images, probe.io.scale, probe.undone)
    held_out = HeldOut(probe.restorer(network), probe.io, data.held_out, data.truth)
    quality = held_out.quality(probe.restorer(emulated(typed)))
    return _Measured(held_out.dense_quality(), quality, len(data.held_out), tuple(probe.doubts()))

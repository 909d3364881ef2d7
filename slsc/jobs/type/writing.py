"""From a float32 network to the same one in fewer bits, with what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx import TensorProto

from slsc.errors import ModelError
from slsc.jobs.compile.measuring import HeldOut, Quality
from slsc.jobs.compile.photos import from_photos, photos, probe_photos
from slsc.jobs.type.precision import LayerType, Typing, require_nodes
from slsc.jobs.type.wanted import Precision
from slsc.passes.graph import label
from slsc.passes.importing.import_model import import_model
from slsc.passes.importing.load import load_model
from slsc.passes.precision.emulate import convolutions_in
from slsc.passes.precision.int8 import is_quantizer
from slsc.passes.precision.types import BF16
from slsc.probe import Known, probe_io
from slsc.progress import StageProgress
from slsc.quantize.calibration import Calibration
from slsc.runtime.atomic import staged
from slsc.search.inputs import PatchSource

NARROW = (TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.INT8, TensorProto.UINT8)
"""Types of weights that tell that a file was typed before."""


@dataclass(frozen=True)
class TypeRequest:
    """What to type, and how.

    Attributes:
        model: the ONNX file.
        precision: the types.
        output: the file to write.
        data: folder of photos to calibrate and to measure the loss on; scikit-image's own for None.
        known: what the probe need not find out.
    """

    model: Path
    precision: Precision
    output: Path
    data: Path | None
    known: Known


@dataclass(frozen=True)
class TypeReport:
    """What was written.

    Attributes:
        precision: as asked for.
        layers: what every convolution computes in.
        scales: (scale, zero point) by tensor that is quantized.
        casts: Casts between types.
        before: bytes of the float32 network, after the import passes.
        after: bytes of the typed one.
        dense: the float32 network on held-out photos.
        typed: the typed one, every rounding emulated; `psnr_to_dense` is to the float32 network.
        loss: PSNR against the wanted images that the types cost, in dB; None without such.
        held_out: number of photos.
        doubts: what of the network's interface is assumed, in words.
    """

    precision: str
    layers: tuple[LayerType, ...]
    scales: Mapping[str, tuple[float, int]]
    casts: int
    before: int
    after: int
    dense: Quality
    typed: Quality
    loss: float | None
    held_out: int
    doubts: tuple[str, ...]


def write_typed(request: TypeRequest, progress: StageProgress) -> TypeReport:
    """Type a network and write `request.output`, or raise and write nothing.

    Args:
        request: what to type.
        progress: told as work proceeds.

    Raises:
        ModelError: the file is unusable, typed already, or has a weight that does not fit the type.
        UsageError: a node that is to be kept is not there.
        SlscError: any other of its branches.
    """
    source = load_model(request.model)
    _require_untyped(source, request.model)
    network = import_model(source).model
    require_nodes(network, request.precision.keep)
    images = photos(request.data, 0)
    probe = probe_io(network, probe_photos(images), request.known)
    data = from_photos(images, probe.io.scale, probe.undone)
    held_out = HeldOut(probe.restorer(network), probe.io, data.held_out, data.truth)

    def calibration() -> Calibration:
        photos, pictures = (PatchSource(pairs, probe.io) for pairs in (data.search, data.graphics()))
        return Calibration.drawn(network, photos, pictures, seed=0)

    typed = Typing(network, calibration, held_out, probe.restorer, progress).typed(request.precision)
    content = typed.model.SerializeToString(deterministic=True)
    with staged(request.output) as (stream, _):
        stream.write(content)
    return TypeReport(
        precision=request.precision.name,
        layers=typed.layers,
        scales=typed.scales,
        casts=typed.casts,
        before=network.ByteSize(),
        after=len(content),
        dense=held_out.dense_quality(),
        typed=typed.quality,
        loss=typed.loss,
        held_out=len(data.held_out),
        doubts=tuple(probe.doubts()),
    )


def _require_untyped(model: onnx.ModelProto, path: Path) -> None:
    narrow = next((tensor for tensor in model.graph.initializer if tensor.data_type in NARROW), None)
    quantizer = next((node for node in model.graph.node if is_quantizer(node)), None)
    if narrow is not None:
        why = f"weight {narrow.name!r} is {TensorProto.DataType.Name(narrow.data_type).lower()}"
    elif quantizer is not None:
        why = f"it has {label(quantizer)}"
    elif rounded := sorted(convolutions_in(BF16, model)):
        why = f"the convolution that makes {rounded[0]!r} reads numbers rounded to bfloat16"
    else:
        return
    raise ModelError(
        "the network is typed already", where=str(path), why=why, hint="give the float32 network it was made from"
    )

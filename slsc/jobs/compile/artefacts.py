"""An engine's artefacts: its network in every form there is, each shown to compute what ONNX Runtime does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx

from slsc.errors import BackendError, ModelError
from slsc.networks.agreement import LEAST_DB, decibels
from slsc.passes.artefacts import FORMS
from slsc.passes.lowering import lower_ladder
from slsc.passes.precision.emulate import emulated
from slsc.passes.precision.types import FLOAT32
from slsc.plan import Plan
from slsc.runtime.backends import BACKENDS, AllocationFailed, Backend
from slsc.runtime.backends.native_backend import NativeBackend
from slsc.runtime.backends.onnxruntime import OnnxRuntimeRunner
from slsc.runtime.bundle.engines import ONNX
from slsc.runtime.bundle.manifest import ImageIO


@dataclass(frozen=True)
class Artefacts:
    """What could be made of a network.

    Attributes:
        made: contents by kind.
        refusals: why there is none, by kind.
    """

    made: Mapping[str, bytes]
    refusals: Mapping[str, str]


def make_artefacts(model: onnx.ModelProto, plan: Plan | None, io: ImageIO, precision: str = FLOAT32.name) -> Artefacts:
    """Bring a network into every form, and compare the backends that load one with ONNX Runtime where they are there.

    Args:
        model: the engine's graph, its masks baked in.
        plan: N:M by weight; None for a dense network.
        io: how pixels enter and leave it.
        precision: what it computes in.
    """
    made: dict[str, bytes] = {}
    refusals: dict[str, str] = {}
    for kind, form in FORMS.items():
        try:
            data = form.build(model, plan)
        except ModelError as refusal:
            refusals[kind] = str(refusal)
            continue
        why = "" if kind == ONNX else _disagreement(kind, data, model, io, LEAST_DB[precision])
        if why:
            refusals[kind] = why
        else:
            made[kind] = data
    return Artefacts(made, refusals)


def join(candidates: Sequence[tuple[onnx.ModelProto, Plan | None]], io: ImageIO) -> tuple[dict[str, bytes], list[str]]:
    """Bring the engines of a ladder into one artefact each that holds them all, where there is such a form.

    Args:
        candidates: graphs in float32 and plans, cheapest first.
        io: how pixels enter and leave them.

    Returns:
        The artefacts by kind, and why there is none.
    """
    try:
        data = lower_ladder(candidates)
    except ModelError as refusal:
        return {}, [f"regions cannot share a pass of the native engine: {refusal}"]
    backend = NativeBackend(0)
    if backend.available() is None and len(candidates) > 1:
        runner = backend.load(data)
        for index, (model, _) in enumerate(candidates):
            runner.set_candidate(index)
            found = decibels(OnnxRuntimeRunner(model.SerializeToString(), 0), runner, io)
            if found < LEAST_DB[FLOAT32.name]:
                return {}, [f"candidate {index} in one pass is {found:.1f} dB from ONNX Runtime; please report this"]
    return {NativeBackend.kind: data}, []


def _disagreement(kind: str, data: bytes, model: onnx.ModelProto, io: ImageIO, least: float) -> str:
    """How a backend that loads an artefact computes something else than ONNX Runtime does; empty where none does."""
    loading = [make(0) for make in BACKENDS.values() if make.kind == kind]
    found = (_difference(backend, data, model, io, least) for backend in loading if backend.available() is None)
    return next(filter(None, found), "")


def _difference(backend: Backend, data: bytes, model: onnx.ModelProto, io: ImageIO, least: float) -> str:
    try:
        reference = OnnxRuntimeRunner(emulated(model).SerializeToString(), 0)
        found = decibels(reference, backend.load(data), io)
    except (AllocationFailed, BackendError) as error:
        return f"the backend {backend.name} cannot be compared with ONNX Runtime: {error}"
    if found >= least:
        return ""
    figures = f"{found:.1f} dB from ONNX Runtime, not {least:g}"
    return f"the backend {backend.name} computes something else: {figures}; please report this"

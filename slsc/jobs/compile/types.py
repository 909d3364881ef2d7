"""Types of a compilation's engines: those asked for, or what pays, where nothing speaks against fewer bits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import onnx

from slsc.errors import ModelError, SlscError
from slsc.jobs.compile.baking import BakedEngine
from slsc.jobs.compile.racing import fastest
from slsc.jobs.compile.request import CompileRequest
from slsc.jobs.type.precision import Typing
from slsc.jobs.type.wanted import AUTO, IN_BFLOAT16, INT8, Precision
from slsc.onnx_torch import OnnxModule
from slsc.passes.artefacts import FORMS
from slsc.passes.precision.types import FLOAT32, ROUNDED
from slsc.pattern import RULES
from slsc.quantize.layers import quantizable
from slsc.runtime.backends.library import has
from slsc.runtime.backends.native_backend import NativeBackend

SPELLED = {AUTO: "8 bits", ROUNDED: "bfloat16"}
"""What is left to `slsc compile`, in words."""


@dataclass(frozen=True)
class Settled:
    """What types engines are given.

    Attributes:
        precision: see above.
        reason: why that is float32 where 8 bits were only to be tried; else empty.
    """

    precision: Precision
    reason: str = ""


def settled(request: CompileRequest, dense: onnx.ModelProto, truth: bool) -> Settled:
    """What a request comes to for its network, known before anything is searched.

    Args:
        request: what is asked for.
        dense: its network, after the import passes.
        truth: whether it is known what the network should make of the photos.
    """
    if not request.precision.optional:
        return Settled(request.precision)
    reason = next(_objections(request, dense, truth), "")
    return Settled(Precision(FLOAT32.name), reason) if reason else Settled(request.precision)


def in_types(engine: BakedEngine, typing: Typing, precision: Precision) -> BakedEngine:
    """An engine in the types it is given.

    Where they are optional, bfloat16 is tried beside them, and the engine stays as it is, with the reason, unless the
    native engine is faster in one of them here.

    Args:
        engine: in float32.
        typing: gives its network types.
        precision: which; not float32.

    Raises:
        SlscError: the types cannot be had, and are not optional.
    """
    if not precision.optional:
        return engine.in_types(precision.name, typing.typed(precision))
    alternatives = (precision, IN_BFLOAT16) if has("bf16") else (precision,)
    tried = [_tried(engine, typing, each) for each in alternatives]
    typed = [each for each in tried if each.typed]
    return _fastest(typed, engine) if typed else tried[0]


def _tried(engine: BakedEngine, typing: Typing, precision: Precision) -> BakedEngine:
    """An engine in types, if it can be had in them and the native engine takes it; else as it is, with the reason."""
    try:
        typed = engine.in_types(precision.name, typing.typed(precision))
    except SlscError as refusal:
        return replace(engine, untyped=": ".join(filter(None, (refusal.what, refusal.why))))
    if typed.typed and typed.typed.share(FLOAT32.name) >= 1:
        return replace(engine, untyped=f"no layer can be in 8 bits where {precision.allowed:g} dB may be lost")
    kind = NativeBackend.kind
    if kind not in typed.artefacts.made:
        why = f"the native engine does not take it in {SPELLED[precision.name]}: {typed.artefacts.refusals[kind]}"
        return replace(engine, untyped=why)
    return typed


def _fastest(typed: Sequence[BakedEngine], plain: BakedEngine) -> BakedEngine:
    """That of engines which the native engine takes least time for here, the plain one with the reason."""
    kind = NativeBackend.kind
    plans = [each.artefacts.made[kind] for each in typed]
    *ms, in_float32 = fastest([*plans, FORMS[kind].build(plain.model, plain.plan)], plain.io)
    best, which = min(zip(ms, range(len(ms)), strict=True))
    if best < in_float32:
        return typed[which]
    times = ", ".join(f"{each:.1f} in {SPELLED[one.precision]}" for each, one in zip(ms, typed, strict=True))
    return replace(plain, untyped=f"the native engine takes {in_float32:.1f} ms so, {times}")


def _objections(request: CompileRequest, dense: onnx.ModelProto, truth: bool) -> Iterator[str]:
    """What speaks against 8 bits, in words."""
    if not has(INT8):
        yield "the native engine is not faster in 8 bits on this processor"
    if request.adaptive or request.classes or request.classifies:
        yield "regions choose among networks in float32"
    if request.plans:
        yield "a network that comes with a plan is packaged as it is"
    if request.timing:
        yield "the times of the device's profile are of float32"
    if request.hardware.maps or request.rules.rule != RULES[0]:
        yield "networks for 2:4 hardware are given types when asked for"
    if not truth:
        yield "what 8 bits lose cannot be measured, for it is not known what the network should make of the photos"
    if not quantizable(OnnxModule(dense), dense):
        yield "all convolutions read or make the image, or cannot be pruned"
    try:
        FORMS[NativeBackend.kind].build(dense, None)
    except ModelError as refusal:
        yield f"the native engine does not run the network: {refusal}"

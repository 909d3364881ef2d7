"""The lines of the before/after table."""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from slsc.jobs.compile.adapting import Fitted
from slsc.jobs.compile.baking import BakedEngine
from slsc.jobs.compile.measuring import HeldOut
from slsc.jobs.compile.packing import stored_artefacts
from slsc.jobs.compile.report import Figures
from slsc.jobs.compile.timing import Timing
from slsc.passes.analysis.cost import Cost
from slsc.plan import parse_budget
from slsc.runtime.bundle.engines import ONNX


def dense_figures(dense: onnx.ModelProto, cost: Cost, tiles: int, held_out: HeldOut, timing: Timing | None) -> Figures:
    """The network before."""
    size = {ONNX: dense.ByteSize()}
    macs, ms = tiles * cost.weight_macs, timing.profile.predict({}) if timing else None
    return Figures("dense", 1.0, 1.0, 1.0, cost.params, macs, ms, held_out.dense_quality(), size, {})


def engine_figures(
    engines: Sequence[BakedEngine], tiles: int, timing: Timing | None, estimator: Fitted | None
) -> tuple[Figures, ...]:
    """The engines, each with the artefacts that the bundle has of it."""
    return tuple(_figures(each, tiles, timing, estimator) for each in engines)


def _figures(baked: BakedEngine, tiles: int, timing: Timing | None, estimator: Fitted | None) -> Figures:
    cost = baked.cost
    stored, refusals = stored_artefacts(baked, estimator)
    sizes = {kind: len(data) for kind, data in stored.items()}
    return Figures(
        name=baked.name,
        budget=float(parse_budget(baked.plan.budget)),
        share=float(cost.share),
        share_of_all=baked.share_of_all,
        params=cost.params,
        macs=tiles * cost.weight_macs,
        predicted_ms=timing.predicted(baked.plan) if timing else None,
        quality=baked.quality,
        artefact_bytes=sizes,
        refusals=refusals,
        layers=baked.typed.layers if baked.typed else (),
        loss=baked.typed.loss if baked.typed else None,
        untyped=baked.untyped,
    )

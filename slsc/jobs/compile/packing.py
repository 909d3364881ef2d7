"""Putting a bundle together."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import slsc
from slsc.jobs.compile.adapting import Fitted
from slsc.jobs.compile.baking import BakedEngine
from slsc.jobs.compile.request import CompileRequest
from slsc.passes.package import write_bundle
from slsc.runtime.bundle.engines import ZERO_COST, Candidate, Engine
from slsc.runtime.bundle.manifest import SCHEMA, ImageIO, Manifest, Source, TileGeometry


def write(
    request: CompileRequest,
    notes: Sequence[str],
    io: ImageIO,
    tile: TileGeometry,
    engines: Sequence[BakedEngine],
    estimator: Fitted | None,
) -> None:
    """Write the bundle that was asked for."""
    digest = hashlib.sha256(request.model.read_bytes()).hexdigest()
    source = Source(request.model.name, digest, request.binding.options(), tuple(notes))
    manifest = Manifest(
        SCHEMA,
        slsc.__version__,
        source,
        io,
        tile,
        engines=tuple(_engine(each, estimator) for each in engines if not _within(each, estimator)),
        candidates=(*(engine.candidate() for engine in engines), Candidate(ZERO_COST[io.task], 0.0, {})),
        entries={},
        estimators=(estimator.record,) if estimator else (),
    )
    named = {artefact.entry for engine in manifest.engines for artefact in engine.artefacts.values()}
    own = {name: data for engine in engines for name, data in engine.entries() if name in named}
    write_bundle(request.output, manifest, {**own, **(estimator.entries if estimator else {})})


def stored_artefacts(engine: BakedEngine, estimator: Fitted | None) -> tuple[Mapping[str, bytes], Mapping[str, str]]:
    """What the bundle holds of an engine alone, and why it has no more."""
    if _within(engine, estimator):
        return {}, {}
    made = {kind: _joined(engine, kind, estimator) or data for kind, data in engine.artefacts.made.items()}
    return made, engine.artefacts.refusals


def _within(engine: BakedEngine, estimator: Fitted | None) -> bool:
    """Whether an engine is kept as part of the dearest one alone."""
    if estimator is None or not estimator.shares_weights:
        return False
    return engine.name != estimator.record.candidates[-1]


def _joined(engine: BakedEngine, kind: str, estimator: Fitted | None) -> bytes | None:
    """The artefact that holds all engines, where it stands for this engine's own as well: it runs the dearest."""
    if estimator is None or not estimator.shares_weights or kind not in estimator.record.artefacts:
        return None
    return estimator.entries[estimator.record.artefacts[kind].entry]


def _engine(baked: BakedEngine, estimator: Fitted | None) -> Engine:
    """What the manifest says of an engine."""
    engine = baked.engine()
    if estimator is None or not estimator.shares_weights:
        return engine
    shared = {kind: each for kind, each in estimator.record.artefacts.items() if kind in engine.artefacts}
    return replace(engine, artefacts={**engine.artefacts, **shared})

"""Compiling a network to budgets: load, clean, probe, search, bake, measure, package. Only the last step writes."""

from __future__ import annotations

import functools
import hashlib
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

import onnx

import slsc
from slsc.errors import BudgetError, UsageError
from slsc.jobs.compile.adapting import Fitted, fit_estimator, ladder_budgets
from slsc.jobs.compile.baking import BakedEngine, bake
from slsc.jobs.compile.efforts import effort_of
from slsc.jobs.compile.hardware import Hardware, fit_dense, fit_sparse, require_mappable
from slsc.jobs.compile.measuring import HeldOut, Quality, measure_tiles
from slsc.jobs.compile.photos import PROBE_PHOTOS, CompileData, from_pairs, from_photos, photos, probe_photos
from slsc.jobs.compile.report import CompileReport, Figures
from slsc.jobs.compile.request import CompileRequest
from slsc.jobs.compile.restoring import Restoring
from slsc.jobs.compile.rounding import quantized_quality
from slsc.jobs.compile.timing import Timing, Traded
from slsc.jobs.compile.trained import found_in_weights, read_plan
from slsc.jobs.inspect.inspection import REPORT_HW
from slsc.jobs.type.precision import Precision, Typing, require_nodes
from slsc.networks.loading import import_network, import_notes, known_of
from slsc.networks.tile_geometry import Batch, tiles_of
from slsc.passes.analysis.cost import Cost, costs
from slsc.passes.importing.import_model import Imported
from slsc.passes.package import write_bundle
from slsc.plan import Plan, parse_budget
from slsc.probe import ProbeResult, probe_io
from slsc.progress import StageProgress
from slsc.runtime.bundle.engines import FLOAT32, ONNX, ZERO_COST, Candidate
from slsc.runtime.bundle.manifest import SCHEMA, ImageIO, Manifest, Source, TileGeometry
from slsc.search.base import SearchResult
from slsc.search.context import calibration_inputs
from slsc.search.inputs import PatchSource
from slsc.search.searcher import Searcher


def compile_model(request: CompileRequest, progress: StageProgress) -> CompileReport:
    """Compile and write `request.output`, or raise and write nothing.

    Args:
        request: what to compile.
        progress: told as work proceeds.

    Raises:
        SlscError: any of its branches; see `slsc.errors`.
    """
    begun = time.monotonic()
    plans = [read_plan(path) for path in request.plans]
    if request.adaptive and not plans:
        request = replace(request, budgets=ladder_budgets(request.budgets))
    budgets = [parse_budget(plan.budget) for plan in plans] or request.budgets
    engine_names = [*names(budgets), *(request.timing.names() if request.timing else ())]
    imported = import_network(request.model, request.binding)
    if request.timing:
        request.timing.require_of(imported.model, plans[0].layers[0].m if plans else request.rules.m)
    dense = imported.model
    request = replace(request, known=known_of(imported, request.known))
    for plan in plans:
        found_in_weights(dense, plan)  # what is wrong with it is told before anything that takes long
    require_mappable(dense, request.hardware)
    require_nodes(dense, request.precision.keep)
    probe, data = _look(dense, request)
    dense = probe.restorer(dense)
    held_out = HeldOut(dense, probe.io, data.held_out, data.truth)
    plain = held_out.plain_psnr()
    restoring = Restoring(plain, data.state, probe, forced=request.force)
    restoring.require("the network", held_out.dense_quality())
    cost = costs(dense, REPORT_HW)
    hardware = _fitted(dense, plans, cost, engine_names[0], request, held_out.inputs(), progress)
    frontier: tuple[Traded, ...] = ()
    if hardware.plan:
        found = iter([found_in_weights(hardware.model, plan) for plan in (hardware.plan, *plans[1:])])
    else:
        searcher = _searcher(hardware, probe.io, data, request, progress)
        found = _searched(searcher, hardware, cost, request)
        if request.timing:
            frontier = request.timing.frontier(searcher, probe.io)
    engines = [
        hardware.checked(bake(name, hardware.model, result, hardware.cost, held_out, cost))
        for name, result in zip(engine_names, found, strict=True)
    ]
    if plans:
        if request.hardware.maps:
            hardware.to_given.update((engine.name, engine.quality.psnr_to_dense) for engine in engines)
        engines = [_without_dense(engine) for engine in engines]
    if request.precision.name != FLOAT32:
        engines = [_typed(engine, request.precision, probe.io, data, held_out, progress) for engine in engines]
    for engine in engines if plain is not None else ():
        restoring.require(f"engine {engine.name}", engine.quality)
    tile = measure_tiles([engine.model for engine in engines], probe.io, data.held_out)
    tiles = tiles_of(probe.io, tile, REPORT_HW)
    notes = import_notes(imported.report)
    estimator = _estimator(engines, dense, data, budgets[0], progress) if request.adaptive else None
    _write(request, notes, probe.io, tile, engines, estimator)
    return CompileReport(
        notes=(*request.binding.options(), *notes),
        probe=probe,
        tile=tile,
        output_hw=REPORT_HW if probe.io.fixed_hw else cost.output_hw,
        tiles=tiles,
        dense=_dense_figures(dense, cost, tiles, held_out, request.timing),
        quantized=_quantized_quality(imported, probe, data),
        engines=tuple(_figures(engine, tiles, request.timing) for engine in engines),
        held_out=len(data.held_out),
        labelled=data.labelled,
        plain_psnr=plain,
        warnings=(*restoring.warnings, *(estimator.warnings if estimator else ())),
        seconds=time.monotonic() - begun,
        peak_bytes=_peak_bytes(),
        hardware=hardware,
        device=request.timing.profile.in_words() if request.timing else None,
        frontier=frontier,
        estimator=estimator.record if estimator else None,
    )


def _estimator(
    engines: Sequence[BakedEngine],
    dense: onnx.ModelProto,
    data: CompileData,
    budget: Fraction,
    progress: StageProgress,
) -> Fitted:
    return fit_estimator(
        engines,
        dense,
        data.search,
        data.held_out,
        truth=data.truth,
        budget=budget,
        progress=progress,
    )


def _fitted(
    dense: onnx.ModelProto,
    plans: Sequence[Plan],
    cost: Cost,
    engine: str,
    request: CompileRequest,
    inputs: Sequence[Batch],
    progress: StageProgress,
) -> Hardware:
    """The network as the hardware wants it."""
    if len(plans) > 1 and request.hardware.maps:
        raise UsageError(
            "--map-2to4 does not go with several plans",
            why="what one network gives up, those nested within it would lose",
            hint="train with --rule magnitude+2:4, or give one --plan",
        )
    if plans:
        return fit_sparse(dense, plans[0], cost, request.hardware, engine, request.seed, inputs, progress)
    trains = effort_of(request.effort) is not None
    return fit_dense(dense, cost, request.hardware, trains, inputs)


def _quantized_quality(imported: Imported, probe: ProbeResult, data: CompileData) -> Quality | None:
    if imported.quantized is None:
        return None
    before, after = probe.restorer(imported.quantized), probe.restorer(imported.model)
    return quantized_quality(before, after, probe.io, data.held_out, data.truth)


def _typed(
    engine: BakedEngine,
    precision: Precision,
    io: ImageIO,
    data: CompileData,
    held_out: HeldOut,
    progress: StageProgress,
) -> BakedEngine:
    """An engine in the types asked for, fitted to the photos that the search saw."""
    source = PatchSource(data.search, io)
    calibration = functools.partial(calibration_inputs, engine.model, source, 0)
    typing = Typing(engine.model, calibration, held_out, lambda model: model, progress)
    return engine.in_types(precision.name, typing.typed(precision))


def _without_dense(engine: BakedEngine) -> BakedEngine:
    """The dense network a trained one came from is not at hand: what was given is the engine itself."""
    return replace(engine, quality=replace(engine.quality, psnr_to_dense=None, max_abs_to_dense=None))


def _searcher(
    hardware: Hardware, io: ImageIO, data: CompileData, request: CompileRequest, progress: StageProgress
) -> Searcher:
    return Searcher(
        hardware.model,
        io,
        data.search,
        labelled=data.labelled,
        rules=request.rules,
        seed=request.seed,
        progress=progress,
        cost=hardware.cost,
    )


def _searched(searcher: Searcher, hardware: Hardware, cost: Cost, request: CompileRequest) -> Iterator[SearchResult]:
    """What the search finds for each budget; all are known to be reachable before the first is searched."""
    for budget in request.budgets:
        _require_reachable(searcher, budget, hardware, cost, request.method)
    effort = effort_of(request.effort)
    if effort is not None and request.sls is not None:
        effort = replace(effort, sls=request.sls)
    for budget in request.budgets:
        found = searcher.search(hardware.budget(budget, cost), request.method, effort, request.start)
        yield replace(found, plan=replace(found.plan, budget=str(budget)))
    if request.timing:
        for latency in request.timing.latencies:
            yield searcher.search_within(latency, request.timing.profile, effort)


def _require_reachable(searcher: Searcher, budget: Fraction, hardware: Hardware, cost: Cost, method: str) -> None:
    """As `Searcher.require_reachable`, of a budget of the network that was given."""
    own = hardware.budget(budget, cost)
    try:
        searcher.require_reachable(own, method)
    except BudgetError as error:
        if own == budget:
            raise
        raise BudgetError(
            f"budget {budget} cannot be reached by the padded network",
            why=f"there it is {float(own):.4f}: {error.why}",
            hint="use a larger budget, or --pad never",
            exit_code=error.exit_code,
        ) from error


def names(budgets: Sequence[Fraction]) -> list[str]:
    """Engine names of budgets: "1-8" for 1/8.

    Raises:
        UsageError: a budget is there twice.
    """
    found = [str(budget).replace("/", "-") for budget in budgets]
    for index, name in enumerate(found):
        if name in found[:index]:
            raise UsageError(f"budget {budgets[index]} is given twice", hint="name each budget once")
    return found


def _look(dense: onnx.ModelProto, request: CompileRequest) -> tuple[ProbeResult, CompileData]:
    """The network's interface, and the photos as it wants them."""
    if request.pairs:
        pairs = functools.cache(functools.partial(from_pairs, *request.pairs))
        probe = probe_io(dense, [], request.known, lambda scale: pairs(scale).search[:PROBE_PHOTOS])
        return probe, pairs(probe.io.scale)
    images = photos(request.data, request.seed)
    probe = probe_io(dense, probe_photos(images), request.known)
    return probe, from_photos(images, probe.io.scale, probe.undone)


def _write(
    request: CompileRequest,
    notes: Sequence[str],
    io: ImageIO,
    tile: TileGeometry,
    engines: Sequence[BakedEngine],
    estimator: Fitted | None,
) -> None:
    digest = hashlib.sha256(request.model.read_bytes()).hexdigest()
    source = Source(request.model.name, digest, request.binding.options(), tuple(notes))
    manifest = Manifest(
        SCHEMA,
        slsc.__version__,
        source,
        io,
        tile,
        engines=tuple(engine.engine() for engine in engines),
        candidates=(*(engine.candidate() for engine in engines), Candidate(ZERO_COST[io.task], 0.0, {})),
        entries={},
        estimators=(estimator.record,) if estimator else (),
    )
    entries = dict(entry for engine in engines for entry in engine.entries())
    if estimator:
        entries |= estimator.entries
    write_bundle(request.output, manifest, entries)


def _dense_figures(dense: onnx.ModelProto, cost: Cost, tiles: int, held_out: HeldOut, timing: Timing | None) -> Figures:
    size = {ONNX: dense.ByteSize()}
    macs, ms = tiles * cost.weight_macs, timing.profile.predict({}) if timing else None
    return Figures("dense", 1.0, 1.0, 1.0, cost.params, macs, ms, held_out.dense_quality(), size, {})


def _figures(baked: BakedEngine, tiles: int, timing: Timing | None) -> Figures:
    cost, artefacts = baked.cost, baked.artefacts
    sizes = {kind: len(data) for kind, data in artefacts.made.items()}
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
        refusals=artefacts.refusals,
        layers=baked.typed.layers if baked.typed else (),
        loss=baked.typed.loss if baked.typed else None,
    )


def _peak_bytes() -> int | None:
    """Largest resident memory of this process so far; None where the system does not tell."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024

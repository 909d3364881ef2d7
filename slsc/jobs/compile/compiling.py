"""Compiling a network to budgets: load, clean, probe, search, bake, measure, package. Only the last step writes."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import onnx

from slsc.errors import UsageError
from slsc.jobs.compile.adapting import Fitted, fit_estimator, ladder_budgets
from slsc.jobs.compile.baking import BakedEngine, bake
from slsc.jobs.compile.classing import fit_classes
from slsc.jobs.compile.efforts import effort_of
from slsc.jobs.compile.figures import dense_figures, engine_figures
from slsc.jobs.compile.hardware import Hardware, fit_dense, fit_sparse, require_mappable
from slsc.jobs.compile.measuring import HeldOut, Quality, measure_tiles
from slsc.jobs.compile.packing import write
from slsc.jobs.compile.paying import race
from slsc.jobs.compile.photos import PROBE_PHOTOS, CompileData, from_pairs, from_photos, photos, probe_photos
from slsc.jobs.compile.report import CompileReport
from slsc.jobs.compile.request import CompileRequest
from slsc.jobs.compile.restoring import Restoring
from slsc.jobs.compile.rounding import quantized_quality
from slsc.jobs.compile.searching import make_searcher, searched, searched_nested
from slsc.jobs.compile.timing import Traded
from slsc.jobs.compile.trained import found_in_weights, read_plan
from slsc.jobs.compile.types import in_types, settled
from slsc.jobs.inspect.inspection import REPORT_HW
from slsc.jobs.train.output import baked
from slsc.jobs.type.precision import Typing, require_nodes
from slsc.networks.loading import import_network, import_notes, known_of
from slsc.networks.tile_geometry import Batch, tiles_of
from slsc.passes.analysis.cost import Cost, costs
from slsc.passes.importing.import_model import Imported
from slsc.plan import Plan, parse_budget
from slsc.probe import ProbeResult, probe_io
from slsc.progress import StageProgress
from slsc.quantize.calibration import Calibration
from slsc.runtime.bundle.engines import FLOAT32
from slsc.runtime.bundle.manifest import ImageIO
from slsc.search.base import Classes
from slsc.search.classes.file import read_classes
from slsc.search.inputs import PatchSource
from slsc.search.lesson import Lesson


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
    if request.classifies:
        request = replace(request, budgets=tuple(sorted(request.budgets)))
    classes = read_classes(request.classes, len(plans)) if request.classes else None
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
    types = settled(request, dense, data.truth)
    request = replace(request, precision=types.precision)
    cost = costs(dense, REPORT_HW)
    hardware = _fitted(dense, plans, cost, engine_names[0], request, held_out.inputs(), progress)
    frontier: tuple[Traded, ...] = ()
    if hardware.plan:
        found = iter([found_in_weights(hardware.model, plan) for plan in (hardware.plan, *plans[1:])])
    elif request.classifies:
        nested = searched_nested(make_searcher(hardware, probe.io, data, request, progress), request)
        hardware.model, classes = baked(hardware.model, nested), nested.classes
        found = iter([found_in_weights(hardware.model, plan) for plan in (*nested.nested, nested.plan)])
    else:
        searcher = make_searcher(hardware, probe.io, data, request, progress)
        found = searched(searcher, hardware, cost, request)
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
    if types.reason:
        engines = [replace(engine, untyped=types.reason) for engine in engines]
    elif request.precision.name != FLOAT32:
        teacher = None if plans else dense
        engines = [_typed(engine, teacher, request, probe.io, data, held_out, progress) for engine in engines]
    for engine in engines if plain is not None else ():
        restoring.require(f"engine {engine.name}", engine.quality)
    tile = measure_tiles([engine.model for engine in engines], probe.io, data.held_out)
    tiles = tiles_of(probe.io, tile, REPORT_HW)
    notes = import_notes(imported.report)
    estimator = _chooser(engines, dense, data, classes, budgets[0] if request.adaptive else None, progress)
    write(request, notes, probe.io, tile, engines, estimator)
    return CompileReport(
        notes=(*request.binding.options(), *notes),
        probe=probe,
        tile=tile,
        output_hw=REPORT_HW if probe.io.fixed_hw else cost.output_hw,
        tiles=tiles,
        dense=dense_figures(dense, cost, tiles, held_out, request.timing),
        quantized=_quantized_quality(imported, probe, data),
        engines=engine_figures(engines, tiles, request.timing, estimator),
        held_out=len(data.held_out),
        labelled=data.labelled,
        plain_psnr=plain,
        warnings=(*restoring.warnings, *(estimator.warnings if estimator else ())),
        precision=request.precision,
        seconds=time.monotonic() - begun,
        peak_bytes=_peak_bytes(),
        hardware=hardware,
        device=request.timing.profile.in_words() if request.timing else None,
        frontier=frontier,
        estimator=estimator.record if estimator else None,
        race=None if estimator else race(dense, engines, probe.io, request.precision.name == FLOAT32),
    )


def _chooser(
    engines: Sequence[BakedEngine],
    dense: onnx.ModelProto,
    data: CompileData,
    classes: Classes | None,
    budget: Fraction | None,
    progress: StageProgress,
) -> Fitted | None:
    """What gives regions their networks: the classifier, or an estimator for a budget, where there is to be one."""
    if classes is not None:
        photos = data.search, data.held_out
        return fit_classes(engines, classes, dense, *photos, truth=data.truth, progress=progress)
    if budget is None:
        return None
    return fit_estimator(engines, dense, data.search, truth=data.truth, budget=budget, progress=progress)


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
    if (len(plans) > 1 or request.classifies) and request.hardware.maps:
        raise UsageError(
            f"--map-2to4 does not go with {'several plans' if plans else 'nested networks'}",
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
    teacher: onnx.ModelProto | None,
    request: CompileRequest,
    io: ImageIO,
    data: CompileData,
    held_out: HeldOut,
    progress: StageProgress,
) -> BakedEngine:
    """An engine in the types it is given, fitted to the photos that the search saw; its own teacher if none."""
    source = PatchSource(data.search, io)

    def pictures() -> PatchSource:
        return PatchSource(data.graphics(), io)

    def calibration() -> Calibration:
        return Calibration.drawn(engine.model, source, pictures(), 0)

    effort, lessons, lesson = effort_of(request.effort), request.precision.lessons, None
    if effort is not None and lessons:
        seed, taught = (request.seed, 2), teacher or engine.model
        training = effort.rounding(lessons)
        # A teacher knows what becomes of pictures; photos that came with what is wanted of them do not tell.
        learned = None if data.labelled else pictures()
        lesson = Lesson.of(taught, source, io, training, labelled=data.labelled, seed=seed, pictures=learned)
    typing = Typing(engine.model, calibration, held_out, lambda model: model, progress, lesson)
    return in_types(engine, typing, request.precision)


def _without_dense(engine: BakedEngine) -> BakedEngine:
    """The dense network a trained one came from is not at hand: what was given is the engine itself."""
    return replace(engine, quality=replace(engine.quality, psnr_to_dense=None, max_abs_to_dense=None))


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


def _peak_bytes() -> int | None:
    """Largest resident memory of this process so far; None where the system does not tell."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024

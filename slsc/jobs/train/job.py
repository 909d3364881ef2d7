"""A whole training run: from a request to the network as ONNX, and its plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx
import torch
from lightning_fabric import Fabric
from torch import nn
from tqdm import tqdm

from slsc.data.patches import Pair
from slsc.errors import UsageError
from slsc.jobs.compile.photos import PROBE_PHOTOS, photos
from slsc.jobs.train.images import Bars, load_images
from slsc.jobs.train.network import StartNetwork, start_network
from slsc.jobs.train.output import baked, write_onnx, write_plan, zoo_module
from slsc.jobs.train.recipes import DenseTraining, make_recipe
from slsc.jobs.train.request import TrainRequest
from slsc.jobs.train.validation import Validation
from slsc.search.classes.file import write_classes
from slsc.search.finetune import optimizer_of
from slsc.search.inputs import PatchSource
from slsc.search.masked import MaskedRecipe
from slsc.search.method import SparseRecipe
from slsc.trainer.launching import launch
from slsc.trainer.log import CsvWriter, RunLog, TensorBoardWriter, Writer
from slsc.trainer.loop import Batches, fit
from slsc.trainer.muon import Muon
from slsc.trainer.rotated_adam import RotatedAdam
from slsc.trainer.settings import TrainSettings
from slsc.zoo.weights import save_weights

Warn = Callable[[str], None]
"""Says one doubt to the user."""


@dataclass(frozen=True)
class TrainReport:
    """What came of a run.

    Attributes:
        steps: optimizer steps done.
        seconds: they took, over all sittings.
        share: kept / dense MACs over the prunable layers; None of a dense network.
        psnr: of the last validation, dB; None without.
        files: what was written, the network last.
        doubts: what of an ONNX file's interface was assumed, in words.
    """

    steps: int
    seconds: float
    share: float | None
    psnr: float | None
    files: tuple[Path, ...]
    doubts: tuple[str, ...]


def train(request: TrainRequest, bars: Bars, warn: Warn) -> TrainReport:
    """Train and write the files; the checkpoint is removed at the end, and only then.

    Args:
        request: what to do.
        bars: makes progress bars; picklable where there are several processes.
        warn: told what of an ONNX file's interface is assumed, before training; likewise.

    Raises:
        UsageError: an unfinished run left a checkpoint and `resume` is not set; unknown network.
        DataError: no image in a folder, an unreadable or too small one, an unusable checkpoint.
        BudgetError: the budget cannot be reached, or was not in the steps given.
        VerificationError: training diverged.
    """
    if request.checkpoint.exists() and not request.resume:
        raise UsageError(
            "an unfinished run left a checkpoint",
            where=str(request.checkpoint),
            hint="--resume continues it; or delete it",
        )
    return launch(request.settings, _work, request, bars, warn)


def _work(fabric: Fabric, request: TrainRequest, bars: Bars, warn: Warn) -> TrainReport:
    """One process' part."""
    first = fabric.is_global_zero
    if not first:
        bars = _no_bars
    writers = [_writer(request)] if first else []  # says now, not after loading, where TensorBoard is missing
    network = start_network(request, photos(None, 0)[:PROBE_PHOTOS] if request.model else [])
    for doubt in network.doubts if first else ():
        warn(doubt)
    settings = replace(request.settings, value_range=network.io.output_range.mean_span)
    motion = settings.seed if request.motion_blur else None
    pairs = load_images(request.data, request.pairs, network.io, request.patch, bars, motion)
    held_out = load_images(request.val, request.val_pairs, network.io, 1, bars, motion)
    validation = Validation(held_out, network.io)
    scores: list[float] = []

    def judge(module: nn.Module) -> float:
        scores.append(validation(module))
        return scores[-1]

    source = PatchSource(pairs, network.io)
    batches = source.batches(source.side(request.patch), (settings.seed,))
    recipe = _made(request, network, source, bars)
    with RunLog(bars(None, "training", ""), writers) as log:
        done = fit(
            recipe,
            batches,
            settings,
            checkpoint=request.checkpoint,
            log=log,
            validate=judge if held_out else None,
            resume=request.resume,
            identity=_identity(request, pairs),
            fabric=fabric,
            optimizer=_optimizer(recipe, batches, settings, request.resume),
            teacher=network.module() if request.distill else None,
        )
    files, share = _write(request, network.model, recipe) if first else ((), None)
    return TrainReport(done.step, done.seconds, share, scores[-1] if scores else None, files, network.doubts)


def _made(
    request: TrainRequest, network: StartNetwork, source: PatchSource, bars: Bars
) -> DenseTraining | SparseRecipe:
    with bars(None, "preparing", "") as bar:

        def show(stage: str, done: int, total: int) -> None:
            bar.set_description_str(f"{stage} {done}/{total}")

        return make_recipe(request, network, source, show)


def _optimizer(
    recipe: DenseTraining | SparseRecipe, batches: Batches, settings: TrainSettings, resume: bool
) -> torch.optim.Optimizer | None:
    """Of what is pruned already, Adam along the directions of its layers' inputs, which checkpoints hold; of what is
    dense, what was asked for; else Adam."""
    if not isinstance(recipe, MaskedRecipe):
        return Muon(recipe.module.parameters(), settings.schedule.peak) if settings.optimizer == "muon" else None
    if resume:
        return RotatedAdam(recipe.module.parameters(), settings.schedule.peak, {})
    return optimizer_of(recipe.module, recipe.masks, batches, settings)


def _write(
    request: TrainRequest, start: onnx.ModelProto, recipe: DenseTraining | SparseRecipe
) -> tuple[tuple[Path, ...], float | None]:
    """The files of a finished run, and the share of the MACs its plan keeps."""
    files, share = [request.output], None
    if isinstance(recipe, DenseTraining):
        model = recipe.module.write_back(start)
        if request.arch is not None:
            save_weights(zoo_module(request.arch, model), request.weights_path)
            files.insert(0, request.weights_path)
    else:
        found = recipe.result()
        model, share = baked(start, found), found.plan.kept_share
        if found.model is None:
            plans = {request.plan: found.plan, **dict(zip(request.nested_plans, found.nested, strict=True))}
            for path, plan in plans.items():
                write_plan(plan, path)
            files = [*plans, *files]
        if found.classes is not None:
            write_classes(found.classes, request.classes)
            files.insert(0, request.classes)
    write_onnx(model, request.output)
    request.checkpoint.unlink(missing_ok=True)
    return tuple(files), share


def _identity(request: TrainRequest, pairs: list[Pair]) -> dict[str, str]:
    """What a resumed run must share besides its settings; images by their number and size, as folders may move."""
    return {
        "method": request.method,
        "budget": ", ".join(map(str, (*request.within, request.budget))),
        "average": str(request.average),
        "plans": "; ".join(str([layer.n for layer in plan.layers]) for plan in request.plans),
        "start": request.start,
        "sls": str(request.sls) if request.method == "sls" else "",
        "M": str(request.rules.m),
        "rule": request.rules.rule,
        "patch": str(request.patch),
        "motion blur": str(request.motion_blur),
        "distill": str(request.distill),
        "images": f"{len(pairs)} of {sum(low[..., 0].size for low, _ in pairs)} pixels",
    }


def _writer(request: TrainRequest) -> Writer:
    return (CsvWriter if request.log == "csv" else TensorBoardWriter)(request.log_path)


def _no_bars(total: int | None, label: str, unit: str) -> tqdm[Any]:
    """For the processes that keep quiet."""
    return tqdm(total=total, disable=True)

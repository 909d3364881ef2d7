"""Training within a search: the kept weights learn what the dense network, or the ground truth, puts out."""

from __future__ import annotations

from collections.abc import Mapping

import onnx
import torch
import torch.nn.functional as F

from slsc.errors import SlscError, VerificationError
from slsc.onnx_torch import OnnxModule
from slsc.progress import StageProgress
from slsc.search.base import SearchResult
from slsc.search.masked import MaskedRecipe
from slsc.search.method import SparseRecipe
from slsc.search.rotations import rotations_of
from slsc.trainer.loop import Batches, fit
from slsc.trainer.progress import LogRow, RunProgress
from slsc.trainer.recipe import Recipe
from slsc.trainer.rotated_adam import RotatedAdam
from slsc.trainer.schedule import Horizon
from slsc.trainer.settings import TrainSettings

JUDGED_BATCHES = 4
"""Batches on which the weights before and after training are compared."""

MEASURED = 3
"""On so many times a step's samples the directions of the layers' inputs are measured; without gradients they take no
more memory than a step."""

BEYOND = 1 << 40
"""The first of their step numbers, which training does not come to."""


def finetune(
    model: onnx.ModelProto,
    recipe: MaskedRecipe,
    start: SearchResult,
    batches: Batches,
    labelled: bool,
    settings: TrainSettings,
    progress: StageProgress,
) -> SearchResult:
    """Train on from what was found without training, and keep the better of both.

    The target is the ground truth, or else the output of the dense network (self-distillation).

    Args:
        model: the dense network.
        recipe: of what was found.
        start: what was found.
        batches: makes the batch of each step.
        labelled: whether to train on the ground truth.
        settings: how long and how fast to train.
        progress: told after each step.

    Returns:
        What was trained, or `start` when they are no better on batches that were not trained on.

    Raises:
        SlscError: the loss stopped being finite.
    """
    dense = OnnxModule(model).eval()
    judged = [batches(BEYOND + index, 0, settings.batch) for index in range(JUDGED_BATCHES)]

    def loss() -> float:
        with torch.no_grad():
            pairs = ((recipe.module(inputs), truth if labelled else dense(inputs)) for inputs, truth in judged)
            return sum(float(F.l1_loss(restored, target)) for restored, target in pairs)

    before = loss()
    optimizer = optimizer_of(recipe, batches, settings)
    _train(recipe, None if labelled else dense, batches, settings, progress, "use --effort none", optimizer)
    if not loss() < before:  # also when it is no number
        return start
    return recipe.result()


def optimizer_of(recipe: MaskedRecipe, batches: Batches, settings: TrainSettings) -> RotatedAdam:
    """Adam along the directions of what the network's layers read as it is now.

    Args:
        recipe: the network, pruned.
        batches, settings: as for `finetune`.
    """
    x = batches(BEYOND - 1, 0, MEASURED * settings.batch)[0]
    rotations = rotations_of(recipe.module, recipe.masks, x, settings.seed)
    return RotatedAdam(recipe.module.parameters(), settings.schedule.peak, rotations)


def learn(
    model: onnx.ModelProto,
    recipe: SparseRecipe,
    batches: Batches,
    labelled: bool,
    settings: TrainSettings,
    progress: StageProgress,
) -> SearchResult:
    """Train a recipe that learns its masks along with the weights.

    Args:
        model: the dense network, which teaches where there is no ground truth.
        recipe: of a method that needs training.
        batches, labelled, settings, progress: as for `finetune`.

    Raises:
        BudgetError: the budget was not met within the run; says how far it came; exit code 3.
        SlscError: the loss stopped being finite.
    """
    dense = None if labelled else OnnxModule(model).eval()
    _train(recipe, dense, batches, settings, progress, "use --method oneshot or uniform")
    return recipe.result()


def _train(
    recipe: Recipe,
    teacher: OnnxModule | None,
    batches: Batches,
    settings: TrainSettings,
    progress: StageProgress,
    hint: str,
    optimizer: RotatedAdam | None = None,
) -> None:
    try:
        fit(recipe, batches, settings, checkpoint=None, log=_Told(progress), teacher=teacher, optimizer=optimizer)
    except VerificationError as error:
        raise SlscError("finetuning diverged", where=error.where, why=error.why, hint=hint) from error


class _Told:
    """Passes the run on to a search's progress; where the clock ends it, the number of steps is what the pace says."""

    def __init__(self, progress: StageProgress) -> None:
        self._progress = progress

    def begin(self, start: RunProgress, horizon: Horizon) -> None:
        """Nothing to tell yet."""

    def show(self, at: RunProgress, fraction: float, loss: float, report: Mapping[str, float]) -> None:
        """A step is done."""
        stage = "learning N" if report.get("lambda") else "finetuning"
        self._progress(stage, at.step, round(at.step / fraction))

    def record(self, row: LogRow) -> None:
        """No rows are kept."""

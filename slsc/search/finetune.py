"""Training within a search: the kept weights learn what the dense network, or the ground truth, puts out."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from slsc.errors import SlscError, VerificationError
from slsc.onnx_torch import OnnxModule
from slsc.progress import StageProgress
from slsc.search.base import SearchResult
from slsc.search.lesson import BEYOND, Lesson
from slsc.search.masked import MaskedRecipe
from slsc.search.method import SparseRecipe
from slsc.search.rotations import rotations_of
from slsc.trainer.loop import Batches, fit
from slsc.trainer.progress import LogRow, RunProgress
from slsc.trainer.recipe import Recipe
from slsc.trainer.rotated_adam import RotatedAdam
from slsc.trainer.schedule import Horizon
from slsc.trainer.settings import TrainSettings

MEASURED = 3
"""On so many times a step's samples the directions of the layers' inputs are measured; without gradients they take no
more memory than a step."""


def finetune(recipe: MaskedRecipe, start: SearchResult, lesson: Lesson, progress: StageProgress) -> SearchResult:
    """Train on from what was found without training, and keep the better of both.

    Args:
        recipe: of what was found.
        start: what was found.
        lesson: what to learn.
        progress: told after each step.

    Returns:
        What was trained, or `start` when they are no better on batches that were not trained on.

    Raises:
        SlscError: the loss stopped being finite.
    """
    before = lesson.loss(recipe.module)
    optimizer = optimizer_of(recipe.module, recipe.masks, lesson.batches, lesson.settings)
    train_on(recipe, lesson, progress, "finetuning", "use --effort none", optimizer)
    if not lesson.loss(recipe.module) < before:  # also when it is no number
        return start
    return recipe.result()


def optimizer_of(
    module: OnnxModule, masks: Mapping[str, Tensor], batches: Batches, settings: TrainSettings
) -> RotatedAdam:
    """Adam along the directions of what the network's layers read as it is now.

    Args:
        module: the network, pruned.
        masks: what is kept, by weight; all of the others.
        batches, settings: as of a `Lesson`.
    """
    x = batches(BEYOND - 1, 0, MEASURED * settings.batch)[0]
    return RotatedAdam(module.parameters(), settings.schedule.peak, rotations_of(module, masks, x, settings.seed))


def learn(recipe: SparseRecipe, lesson: Lesson, progress: StageProgress) -> SearchResult:
    """Train a recipe that learns its masks along with the weights.

    Args:
        recipe: of a method that needs training.
        lesson, progress: as for `finetune`.

    Raises:
        BudgetError: the budget was not met within the run; says how far it came; exit code 3.
        SlscError: the loss stopped being finite.
    """
    train_on(recipe, lesson, progress, "finetuning", "use --method oneshot or uniform")
    return recipe.result()


def train_on(
    recipe: Recipe,
    lesson: Lesson,
    progress: StageProgress,
    stage: str,
    hint: str,
    optimizer: RotatedAdam | None = None,
) -> None:
    """Train a recipe in place.

    Args:
        recipe, lesson, progress: as for `finetune`.
        stage: what progress is told that is being done.
        hint: what to do where it diverges.
        optimizer: None is Adam.

    Raises:
        SlscError: the loss stopped being finite.
    """
    log, teacher = _Told(progress, stage), lesson.teacher()
    try:
        fit(recipe, lesson.batches, lesson.settings, checkpoint=None, log=log, teacher=teacher, optimizer=optimizer)
    except VerificationError as error:
        raise SlscError(f"{stage} diverged", where=error.where, why=error.why, hint=hint) from error


class _Told:
    """Passes the run on to a search's progress; where the clock ends it, the number of steps is what the pace says."""

    def __init__(self, progress: StageProgress, stage: str) -> None:
        self._progress, self._stage = progress, stage

    def begin(self, start: RunProgress, horizon: Horizon) -> None:
        """Nothing to tell yet."""

    def show(self, at: RunProgress, fraction: float, loss: float, report: Mapping[str, float]) -> None:
        """A step is done."""
        stage = "learning N" if report.get("lambda") else self._stage
        self._progress(stage, at.step, round(at.step / fraction))

    def record(self, row: LogRow) -> None:
        """No rows are kept."""

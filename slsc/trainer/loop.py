"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from slsc.errors import SlscError, VerificationError
from slsc.trainer.checkpoint import load_checkpoint, save_checkpoint
from slsc.trainer.interruption import Interruption
from slsc.trainer.objective import Objective
from slsc.trainer.progress import LogRow, RunProgress, TrainLog
from slsc.trainer.recipe import Recipe
from slsc.trainer.settings import TrainSettings

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Batches = Callable[[int, int, int], tuple[Tensor, Tensor]]
"""(step, first sample, count) to `count` inputs and targets, (count, C, H, W) in the network's range.

Sample i of a step is the same whoever draws it, so processes that share out a batch train on what one would alone, and
a resumed run on what an uninterrupted one would. Called from a thread of its own, one step ahead.
"""

FINGERPRINTED = ("batch", "schedule", "seed", "precision", "ema", "value_range")
"""Settings a resumed run must share. The horizon is not one: a run may be given more time."""

EXIT_INTERRUPTED = 130


def fit(
    recipe: Recipe,
    batches: Batches,
    settings: TrainSettings,
    *,
    checkpoint: Path | None,
    log: TrainLog,
    validate: Callable[[nn.Module], float] | None = None,
    resume: bool = False,
    teacher: nn.Module | None = None,
    identity: Mapping[str, str] | None = None,
    fabric: Fabric | None = None,
    optimizer: torch.optim.Optimizer | None = None,
) -> RunProgress:
    """Train `recipe.module` in place to the horizon; it ends with the mean of the weights where `settings.ema` is set.

    Args:
        recipe: what is trained.
        batches: the data.
        settings: how.
        checkpoint: file for the state of the run, written every `settings.save_every` seconds, at the end, and when
            the process is told to stop; None for none.
        log: told of every step.
        validate: PSNR in dB of the module on held-out images.
        resume: continue from `checkpoint` instead of from the beginning.
        teacher: makes the targets instead of `batches`.
        identity: what else must be the same to resume, such as the method and the data, by name.
        fabric: launched with the same `settings`; None trains in this process alone.
        optimizer: of `recipe.module`'s parameters; None is Adam. A resumed run needs the same.

    Returns:
        Steps done and seconds spent, earlier sittings included.

    Raises:
        VerificationError: the loss or a weight is no longer finite. The last good checkpoint stays.
        DataError: the checkpoint cannot be resumed from.
        SlscError: the process was told to stop (SIGINT, SIGTERM); a checkpoint was written.
    """
    if fabric is None:
        # Here, as importing Lightning Fabric takes seconds, and what compiles networks imports `fit` without training.
        from slsc.trainer.fabric import make_fabric

        fabric = make_fabric(settings)
    fitting = _Fitting(recipe, settings, checkpoint, identity or {}, fabric, teacher, optimizer)
    if resume:
        fitting.resume()
    fitting.run(batches, log, validate)
    return fitting.progress


class _Fitting:
    """One process' part in a run."""

    def __init__(
        self,
        recipe: Recipe,
        settings: TrainSettings,
        checkpoint: Path | None,
        identity: Mapping[str, str],
        fabric: Fabric,
        teacher: nn.Module | None,
        optimizer: torch.optim.Optimizer | None,
    ) -> None:
        self.recipe, self.settings, self.checkpoint, self.fabric = recipe, settings, checkpoint, fabric
        self.progress = RunProgress(0, 0.0)
        # channels_last saves oneDNN and cuDNN a reordering around every convolution, on a CPU a fifth of RFDN's step.
        recipe.module.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        objective = Objective(recipe, settings.value_range)
        optimizer = optimizer or torch.optim.Adam(recipe.module.parameters(), lr=settings.schedule.peak)
        known = {**_fingerprint(recipe, settings), "optimizer": type(optimizer).__name__}
        self._fingerprint = {**known, **identity}
        self._objective, self._optimizer = fabric.setup(objective, optimizer)
        self._plain_optimizer = optimizer
        self._mean = None
        if settings.ema is not None:
            self._mean = AveragedModel(recipe.module, multi_avg_fn=get_ema_multi_avg_fn(settings.ema))
        self._teacher = None if teacher is None else fabric.to_device(teacher.eval())
        self._losses, self._count = 0.0, 0

    def resume(self) -> None:
        """Take up the state in the checkpoint file."""
        assert self.checkpoint is not None
        state = load_checkpoint(self.checkpoint, self._fingerprint)
        self.recipe.module.load_state_dict(state["module"])
        self.recipe.load_state_dict(state["recipe"])
        self._plain_optimizer.load_state_dict(state["optimizer"])
        self.fabric.strategy.precision.load_state_dict(state["precision"])
        if self._mean is not None:
            self._mean.load_state_dict(state["mean"])
        self.progress = RunProgress(state["step"], state["seconds"])
        self._losses, self._count = state["losses"], state["count"]

    def run(self, batches: Batches, log: TrainLog, validate: Callable[[nn.Module], float] | None) -> None:
        """Train to the horizon."""
        settings, first = self.settings, self.fabric.is_global_zero
        if first:
            log.begin(self.progress, settings.horizon)
        begun = time.monotonic() - self.progress.seconds
        next_save = time.monotonic() + settings.save_every
        with Interruption(active=self.checkpoint is not None) as interruption, ThreadPoolExecutor(1) as pool:
            upcoming = pool.submit(self._draw, batches, self.progress.step)
            while (fraction := self._fraction()) < 1:
                ready, upcoming = upcoming, pool.submit(self._draw, batches, self.progress.step + 1)
                rate = settings.schedule.rate(self.progress.step, fraction)
                self.recipe.begin_step(self.progress.step, fraction)
                stop = self._step(ready, rate, begun, interruption.told)
                ended = self._fraction() >= 1
                self._tell(log, rate, ended, validate)
                if stop or ended or time.monotonic() >= next_save:
                    self._save()
                    next_save = time.monotonic() + settings.save_every
                if stop and not ended:
                    raise self._interrupted()
        if self._mean is not None:
            self.recipe.module.load_state_dict(self._mean.module.state_dict())

    def _fraction(self) -> float:
        """Part of the run that is over."""
        return self.settings.horizon.fraction(self.progress.step, self.progress.seconds)

    def _draw(self, batches: Batches, step: int) -> tuple[Tensor, Tensor]:
        """This process' share of a step's samples, on its device."""
        share = self.settings.batch // self.fabric.world_size
        inputs, targets = batches(step, self.fabric.global_rank * share, share)
        return (
            self.fabric.to_device(inputs).contiguous(memory_format=torch.channels_last),
            self.fabric.to_device(targets).contiguous(memory_format=torch.channels_last),
        )

    def _step(self, ready: Future[tuple[Tensor, Tensor]], rate: float, begun: float, signal: bool) -> bool:
        """One optimizer step at rate `rate`; whether any process was told to stop."""
        step = self.progress.step
        inputs, targets = ready.result()
        if self._teacher is not None:
            with torch.no_grad(), self.fabric.autocast():
                targets = self._teacher(inputs).float()
        loss, task = self._objective(inputs, targets)
        # One exchange a step: processes that disagreed on loss, clock or signal would part ways.
        told = torch.stack([loss.detach(), task, *loss.new_tensor([time.monotonic() - begun, float(signal)])])
        agreed = self.fabric.all_reduce(told, reduce_op="mean")
        assert isinstance(agreed, Tensor)
        total, mean, seconds, stop = agreed.tolist()
        if not math.isfinite(total):
            raise self._diverged(f"the loss is {total}")
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.zero_grad()
        self.fabric.backward(loss)
        self._optimizer.step()
        if self._mean is not None:
            self._mean.update_parameters(self.recipe.module)
        self.recipe.end_step(step)
        self.progress = RunProgress(step + 1, seconds)
        self._losses, self._count = self._losses + mean, self._count + 1
        return stop > 0

    def _tell(self, log: TrainLog, rate: float, ended: bool, validate: Callable[[nn.Module], float] | None) -> None:
        if not self.fabric.is_global_zero:
            return
        settings, step = self.settings, self.progress.step
        loss, report = self._losses / self._count, self.recipe.report()
        log.show(self.progress, self._fraction(), loss, report)
        judged = validate is not None and (ended or step % settings.validate_every == 0)
        if ended or judged or step % settings.log_every == 0:
            score = validate(self._result()) if validate and judged else None
            log.record(LogRow(self.progress, rate, loss, score, report))
            self._losses, self._count = 0.0, 0

    def _result(self) -> nn.Module:
        """The module the run would end with now."""
        return self.recipe.module if self._mean is None else self._mean.module

    def _save(self) -> None:
        if self.checkpoint is None:
            return
        module = self.recipe.module
        if not all(bool(torch.isfinite(parameter).all()) for parameter in module.parameters()):
            raise self._diverged("a weight is no longer finite")
        if not self.fabric.is_global_zero:
            return
        state: dict[str, Any] = {
            "module": module.state_dict(),
            "recipe": self.recipe.state_dict(),
            "optimizer": self._plain_optimizer.state_dict(),
            "precision": self.fabric.strategy.precision.state_dict(),
            "mean": None if self._mean is None else self._mean.state_dict(),
            "losses": self._losses,
            "count": self._count,
            **asdict(self.progress),
        }
        save_checkpoint(self.checkpoint, state, self._fingerprint)

    def _diverged(self, why: str) -> VerificationError:
        saved = self.checkpoint is not None and self.checkpoint.exists()
        kept = f"the last good weights are in {self.checkpoint}" if saved else "nothing was saved yet"
        return VerificationError(
            "training diverged",
            where=f"step {self.progress.step}",
            why=f"{why}; {kept}",
            hint=f"start again with a lower --lr than {self.settings.schedule.peak:g}",
        )

    def _interrupted(self) -> SlscError:
        return SlscError(
            "training was interrupted",
            where=f"step {self.progress.step}",
            why=f"the state is in {self.checkpoint}",
            hint="--resume continues from there",
            exit_code=EXIT_INTERRUPTED,
        )


def _fingerprint(recipe: Recipe, settings: TrainSettings) -> dict[str, str]:
    """What must be the same for a resumed run to go on as an uninterrupted one would."""
    shapes = {f"parameter {name}": str(tuple(value.shape)) for name, value in recipe.module.named_parameters()}
    chosen = {name: str(getattr(settings, name)) for name in FINGERPRINTED}
    return {**shapes, **chosen}

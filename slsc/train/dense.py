"""Plain training of a dense network: Adam, L1 in the unit range, cosine learning rate."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from slsc.data.patches import PatchSampler
from slsc.errors import VerificationError
from slsc.train.checkpoint import Progress, load_checkpoint, save_checkpoint
from slsc.train.log import TrainLog
from slsc.train.schedule import Horizon, cosine_lr


@dataclass(frozen=True)
class TrainSettings:
    """Choices of a run.

    Attributes:
        horizon: when it ends.
        batch: patches per step.
        peak_lr: highest learning rate of Adam.
        seed: of the patches drawn; the initial weights are the caller's.
        bf16: run the convolutions in bfloat16 (weights, loss and optimizer stay float32).
        white: what stands for white in the network's input and output, 1 or 255; black is 0.
        save_every: seconds between checkpoints.
    """

    horizon: Horizon
    batch: int = 16
    peak_lr: float = 1e-3
    seed: int = 0
    bf16: bool = False
    white: float = 1.0
    save_every: float = 120.0


class Training:
    """One run: a network, its optimizer, and how far they are.

    Args:
        model: maps NCHW LR to HR, black 0, white `settings.white`; trained in place.
        sampler: source of the patches.
        settings: see `TrainSettings`.
        checkpoint: file written every `settings.save_every` seconds and at the end.
    """

    def __init__(self, model: nn.Module, sampler: PatchSampler, settings: TrainSettings, checkpoint: Path) -> None:
        # channels_last saves oneDNN a reordering around every convolution.
        self.model = model.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self.sampler, self.settings, self.checkpoint = sampler, settings, checkpoint
        self.optimizer = torch.optim.Adam(model.parameters(), lr=settings.peak_lr)
        self.progress = Progress(0, 0.0)

    def resume(self) -> None:
        """Continue from the checkpoint file instead of from the beginning. Raises DataError."""
        self.progress = load_checkpoint(self.checkpoint, self.model, self.optimizer)

    def run(self, log: TrainLog, validate: Callable[[nn.Module], float] | None = None) -> Progress:
        """Train to the horizon.

        Args:
            log: gets the mean loss of every step, and a row per checkpoint.
            validate: PSNR in dB of the model on held-out images, for the log.

        Returns:
            Steps done and seconds spent, earlier sittings included.

        Raises:
            VerificationError: loss or weights are no longer finite. The last good checkpoint stays.
        """
        losses: list[float] = []
        begun = time.monotonic() - self.progress.seconds
        next_save = time.monotonic() + self.settings.save_every
        while (lr := self._learning_rate()) is not None:
            losses.append(self._step(lr))
            self.progress = Progress(self.progress.step + 1, time.monotonic() - begun)
            mean_loss = sum(losses) / len(losses)
            log.show(self.progress, mean_loss)
            if time.monotonic() >= next_save or self._learning_rate() is None:
                self._save()
                log.record(self.progress, lr, mean_loss, validate(self.model) if validate else None)
                losses, next_save = [], time.monotonic() + self.settings.save_every
        return self.progress

    def _learning_rate(self) -> float | None:
        """The rate of the next step; None when the run is over."""
        fraction = self.settings.horizon.fraction(self.progress.step, self.progress.seconds)
        return cosine_lr(self.settings.peak_lr, self.progress.step, fraction) if fraction < 1 else None

    def _step(self, lr: float) -> float:
        """One optimizer step at rate `lr`; its loss."""
        settings = self.settings
        # Seeded by the step, so that a resumed run draws what an uninterrupted one would have.
        lr_patches, hr_patches = self.sampler.batch(settings.batch, (settings.seed, self.progress.step))
        inputs = torch.from_numpy(lr_patches * settings.white).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=settings.bf16):
            restored = self.model(inputs)
        loss = (restored.float() / settings.white - torch.from_numpy(hr_patches)).abs().mean()
        value = loss.item()
        if not math.isfinite(value):
            raise self._diverged(f"the loss is {value}")
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return value

    def _save(self) -> None:
        if not all(bool(torch.isfinite(parameter).all()) for parameter in self.model.parameters()):
            raise self._diverged("a weight is no longer finite")
        save_checkpoint(self.checkpoint, self.model, self.optimizer, self.progress)

    def _diverged(self, why: str) -> VerificationError:
        kept = (
            f"the last good weights are in {self.checkpoint}" if self.checkpoint.exists() else "nothing was saved yet"
        )
        return VerificationError(
            "training diverged",
            where=f"step {self.progress.step}",
            why=f"{why}; {kept}",
            hint=f"start again with a lower --lr than {self.settings.peak_lr:g}",
        )

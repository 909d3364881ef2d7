"""A training run small enough for tests, with a recipe that uses all a recipe can.

As a script, for tests that kill it or need several processes:
tiny_run.py FOLDER --steps N [--devices R] [--resume] [--kill-at STEP | --terminate-at STEP | --poison-at STEP]
"""

from __future__ import annotations

import argparse
import math
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from tqdm import tqdm

from slsc.trainer.launching import launch
from slsc.trainer.log import CsvWriter, RunLog
from slsc.trainer.loop import fit
from slsc.trainer.progress import RunProgress
from slsc.trainer.recipe import DenseRecipe
from slsc.trainer.schedule import Horizon, Schedule
from slsc.trainer.settings import TrainSettings

SETTINGS = TrainSettings(
    Horizon(steps=12), batch=4, schedule=Schedule(1e-2, warmup=0), seed=3, ema=0.5, save_every=1e-9, log_every=3
)


class Tiny(nn.Module):
    """Two convolutions, a gate on what lies between, and a buffer the recipe writes."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 3, 3, padding=1)
        self.gate = nn.Parameter(torch.ones(8))
        self.register_buffer("refreshed", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.last(self.first(x).relu() * self.gate.reshape(1, -1, 1, 1))


class Gated(DenseRecipe):
    """Pulls the gate to 0, counts, freezes the gate after 8 steps, and does to itself what a test asks for."""

    FROZEN_AFTER = 8

    def __init__(self, module: Tiny, at: Mapping[int, Callable[[], object]]) -> None:
        super().__init__(module)
        self.tiny, self.at = module, at
        self.strength = 0.01

    def begin_step(self, step: int, fraction: float) -> None:
        self.tiny.refreshed.fill_(step)

    def penalty(self) -> Tensor | None:
        return self.strength * self.tiny.gate.square().sum() if self.tiny.gate.requires_grad else None

    def end_step(self, step: int) -> None:
        self.strength *= 1.1
        self.at.get(step, int)()
        if step + 1 == self.FROZEN_AFTER:
            self._freeze()

    def _freeze(self) -> None:
        self.tiny.gate.requires_grad_(False)
        self.tiny.gate.grad = None  # Adam skips what has no gradient

    def state_dict(self) -> dict[str, Any]:
        return {"strength": self.strength, "frozen": not self.tiny.gate.requires_grad}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.strength = state["strength"]
        if state["frozen"]:
            self._freeze()

    def report(self) -> dict[str, float]:
        return {"gate": float(self.tiny.gate.detach().abs().sum())}


def batches(step: int, first: int, count: int) -> tuple[Tensor, Tensor]:
    """Noise and its mean over the colours, the same for a step and sample whoever asks."""
    samples = [_noise(1000 * step + index) for index in range(first, first + count)]
    inputs = torch.stack(samples)
    return inputs, inputs.mean(1, keepdim=True).expand_as(inputs)


def _noise(seed: int) -> Tensor:
    return torch.rand(3, 12, 12, generator=torch.Generator().manual_seed(seed))


def tiny() -> Tiny:
    """The network, always with the same weights."""
    torch.manual_seed(0)
    return Tiny()


def run(
    folder: Path, settings: TrainSettings, resume: bool, at: Mapping[int, Callable[[Tiny], object]], fabric: Fabric
) -> tuple[RunProgress, Tiny]:
    """Train into `folder`: `log.csv` and `run.ckpt`."""
    module = tiny()
    recipe = Gated(module, {step: lambda act=act: act(module) for step, act in at.items()})
    with RunLog(tqdm(disable=True), [CsvWriter(folder / "log.csv")]) as log:
        done = fit(recipe, batches, settings, checkpoint=folder / "run.ckpt", log=log, resume=resume, fabric=fabric)
    return done, module


def poison(module: Tiny) -> None:
    """Make the next loss no number."""
    module.first.weight.data.fill_(math.nan)


def work(fabric: Fabric, args: argparse.Namespace, settings: TrainSettings) -> RunProgress:
    """One process' part of the script."""
    at: dict[int, Callable[[Tiny], object]] = {}
    if args.kill_at is not None:
        at[args.kill_at] = lambda _: os.kill(os.getpid(), signal.SIGKILL)
    if args.terminate_at is not None and fabric.global_rank == 0:
        at[args.terminate_at] = lambda _: os.kill(args.parent, signal.SIGTERM)
    if args.poison_at is not None:
        at[args.poison_at] = poison
    return run(args.folder, settings, args.resume, at, fabric)[0]


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--resume", action="store_true")
    for name in ("--steps", "--devices"):
        parser.add_argument(name, type=int, default=1)
    for name in ("--kill-at", "--terminate-at", "--poison-at"):
        parser.add_argument(name, type=int)
    args = parser.parse_args()
    args.parent = os.getpid()
    settings = replace(SETTINGS, horizon=Horizon(steps=args.steps), devices=args.devices, accelerator="cpu")
    print(launch(settings, work, args, settings))


if __name__ == "__main__":
    main()

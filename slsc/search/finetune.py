"""Masked finetuning after a search: the kept weights learn what the dense network, or the ground truth, puts out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from torch import Tensor

from slsc.errors import SlscError
from slsc.onnx_torch import OnnxModule
from slsc.search.base import Progress, SearchResult
from slsc.search.oneshot import changed_parameters

Batches = Callable[[int], tuple[Tensor, Tensor]]
"""Step number to (inputs, ground truth), in the network's range."""


JUDGED_BATCHES = 4
"""Batches on which the weights before and after training are compared."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes:
        steps: optimizer steps at most.
        seconds: wall-clock bound; steps are cut so that the whole run is expected to fit.
        learning_rate: Adam's at the start; it falls to 0 along a half cosine.
    """

    steps: int
    seconds: float
    learning_rate: float


def finetune(
    model: onnx.ModelProto,
    start: SearchResult,
    batches: Batches,
    labelled: bool,
    value_range: float,
    schedule: Schedule,
    progress: Progress,
) -> SearchResult:
    """Train every weight that `start` keeps, masks fixed.

    The target is the ground truth, or else the output of the dense network (self-distillation).

    Args:
        model: the dense network.
        start: where to start from; its plan and masks stay.
        batches: makes the batch of each step.
        labelled: whether to train on the ground truth.
        value_range: white minus black in the network's range; the loss is L1 over it.
        schedule: length and learning rate.
        progress: told after each step.

    Returns:
        The trained weights, or `start` when they are no better on batches that were not trained on.

    Raises:
        SlscError: the loss stopped being finite.
    """
    dense, student = OnnxModule(model).eval(), OnnxModule(model).eval()
    _load(student, start.weights)
    _freeze_pruned(student, start.masks)

    def loss(step: int) -> Tensor:
        inputs, target = batches(step)
        if not labelled:
            with torch.no_grad():
                target = dense(inputs)
        return F.l1_loss(student(inputs), target) / value_range

    # Batches that training does not come to.
    judged = range(schedule.steps, schedule.steps + JUDGED_BATCHES)
    with torch.no_grad():
        before = sum(float(loss(step)) for step in judged)
    _train(student, loss, schedule, progress)
    with torch.no_grad():
        after = sum(float(loss(step)) for step in judged)
    if not after < before:  # also when it is no number
        return start
    return SearchResult(start.plan, changed_parameters(dense, student), start.masks)


def _train(student: OnnxModule, loss: Callable[[int], Tensor], schedule: Schedule, progress: Progress) -> None:
    optimizer = torch.optim.Adam(student.parameters(), lr=schedule.learning_rate)
    clock = _Clock(schedule)
    step = 0
    while step < clock.steps:
        for group in optimizer.param_groups:
            group["lr"] = schedule.learning_rate * 0.5 * (1 + np.cos(np.pi * step / clock.steps))
        value = loss(step)
        if not torch.isfinite(value):
            why = f"the loss at step {step} is {float(value.detach())}"
            raise SlscError("finetuning diverged", why=why, hint="use --effort none")
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()
        step += 1
        clock.tick(step)
        progress("finetuning", step, clock.steps)


class _Clock:
    """Fits the number of steps into the time allowed, from the pace of the first ones."""

    WARMUP, JUDGED = 3, 13

    def __init__(self, schedule: Schedule) -> None:
        self.steps = schedule.steps
        self._seconds, self._begun, self._mark = schedule.seconds, time.monotonic(), 0.0

    def tick(self, step: int) -> None:
        if step == self.WARMUP:
            self._mark = time.monotonic()
        elif step == self.JUDGED:
            now = time.monotonic()
            pace = (now - self._mark) / (self.JUDGED - self.WARMUP)
            self.steps = min(self.steps, step + int(max(0.0, self._seconds - (now - self._begun)) / pace))


def _load(module: OnnxModule, weights: Mapping[str, np.ndarray]) -> None:
    with torch.no_grad():
        for name, array in weights.items():
            module.parameter(name).copy_(torch.from_numpy(array))


def _freeze_pruned(module: OnnxModule, masks: Mapping[str, np.ndarray]) -> None:
    """Stop gradients at pruned weights: Adam without weight decay then leaves their zeros exact."""
    for name, mask in masks.items():
        kept = torch.from_numpy(mask)
        module.parameter(name).register_hook(lambda gradient, kept=kept: gradient * kept)

"""The loss of a step as one module, so that whatever scales it out sees all of it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from slsc.trainer.recipe import Recipe


class Objective(nn.Module):
    """Inputs and targets to the losses of one process' share of a batch.

    The penalty is inside: gradients are averaged over the processes, and so is it, to itself.

    Args:
        recipe: what is trained.
        value_range: white minus black in its range.
    """

    def __init__(self, recipe: Recipe, value_range: float) -> None:
        super().__init__()
        self.network = recipe.module
        self._penalty, self._value_range = recipe.penalty, value_range

    def forward(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """What is minimised, and the task's part of it: L1 over the value range."""
        restored = self.network(inputs)
        with torch.autocast(inputs.device.type, enabled=False):
            task = F.l1_loss(restored.float(), targets) / self._value_range
            penalty = self._penalty()
            return (task if penalty is None else task + penalty), task.detach()

"""What is trained, and how a method takes part in each step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor, nn


class Recipe(Protocol):
    """A network on its way through training.

    With several processes every process has its own, and all calls happen alike in each of them, so what a recipe does
    must follow from the module's state and the step alone.
    """

    @property
    def module(self) -> nn.Module:
        """Maps (B, C, H, W) in the network's range to the restored image.

        Its `parameters()` are what the optimizer trains. One may be frozen along the way: `requires_grad_(False)`, and
        its `grad` None, so that the optimizer leaves it alone.
        """

    def begin_step(self, step: int, fraction: float) -> None:
        """Called before the forward pass of step `step`, counted from 0, when `fraction` of the run is over."""

    def penalty(self) -> Tensor | None:
        """A scalar added to the task loss (which is in the unit range, 0..1), differentiable; None for nothing."""

    def end_step(self, step: int) -> None:
        """Called after the optimizer's step."""

    def state_dict(self) -> dict[str, Any]:
        """What to resume from besides the module's own state: tensors and plain values only."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave."""

    def report(self) -> dict[str, float]:
        """Columns for the log, the same keys every time."""


class DenseRecipe:
    """Plain training of a module: the recipe that adds nothing, and the base of those that add a little."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def begin_step(self, step: int, fraction: float) -> None:
        """Nothing to prepare."""

    def penalty(self) -> Tensor | None:
        """No penalty."""
        return None

    def end_step(self, step: int) -> None:
        """Nothing to follow up."""

    def state_dict(self) -> dict[str, Any]:
        """Nothing besides the module."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing to take up."""

    def report(self) -> dict[str, float]:
        """No columns."""
        return {}

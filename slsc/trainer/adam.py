"""The direction of Adam's steps (Kingma and Ba, ICLR 2015), for optimizers that take it their own way."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

BETAS = (0.9, 0.99)

_EPSILON = 1e-12


def adam_direction(state: dict[str, Any], gradient: Tensor, damping: float = 0.0) -> Tensor:
    """What a step at a rate of 1 subtracts.

    Args:
        state: what Adam keeps of a parameter, brought up to date; empty at first.
        gradient: of any shape, the same at every step.
        damping: share of the mean gradient below which a coordinate's steps shrink with its gradient.
    """
    if not state:
        state.update(step=0, mean=torch.zeros_like(gradient), square=torch.zeros_like(gradient))
    state["step"] += 1
    state["mean"].lerp_(gradient, 1 - BETAS[0])
    state["square"].lerp_(gradient.square(), 1 - BETAS[1])
    first, second = (1 - beta ** state["step"] for beta in BETAS)
    square = state["square"] / second
    return (state["mean"] / first) / (square.sqrt() + damping * square.mean().sqrt() + _EPSILON)

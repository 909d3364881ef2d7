"""Muon: steps whose matrices are orthogonal (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon).

A convolution's gradient, a row by output channel, has few large singular values and many small ones, so steps along it
move a few combinations of weights and leave the others where they are. Muon makes all singular values of a step alike.
torch.optim.Muon takes no weights of more than two dimensions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from slsc.trainer.adam import adam_direction

MOMENTUM = 0.95

LEAST = 32
"""Rows and columns below which a weight is left to Adam: a network's first convolution, depthwise ones, biases."""

_LIKE_ADAM = 0.2
"""Root mean square of Adam's steps at a rate of 1, which Muon's are made equal to (Liu et al. 2025, "Muon is scalable
for LLM training", § 2.2), so that one rate does for both."""

_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic that draws singular values of 0.01 to 1 near 1 in five rounds."""

_ROUNDS = 5
_EPSILON = 1e-12


class Muon(torch.optim.Optimizer):
    """Muon for weights of at least `LEAST` rows and columns, Adam for the others.

    Args:
        parameters: to train, dense.
        lr: the rate, as Adam would have it.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One step; no closure is taken."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    rule = _orthogonal if is_matrix(parameter) else adam_direction
                    parameter.sub_(rule(self.state[parameter], parameter.grad), alpha=group["lr"])


def _orthogonal(state: dict[str, Any], gradient: Tensor) -> Tensor:
    if not state:
        state["momentum"] = torch.zeros_like(gradient)
    state["momentum"].mul_(MOMENTUM).add_(gradient)
    ahead = gradient.add(state["momentum"], alpha=MOMENTUM).reshape(len(gradient), -1)
    step = orthogonalized(ahead) * (_LIKE_ADAM * max(ahead.shape) ** 0.5)
    return step.reshape(gradient.shape)


def is_matrix(parameter: Tensor) -> bool:
    """Whether Muon's rule is for a weight, whose first dimension are rows."""
    return parameter.ndim >= 2 and min(len(parameter), parameter.numel() // len(parameter)) >= LEAST


def orthogonalized(matrix: Tensor) -> Tensor:
    """U V' of a matrix U S V', nearly: singular values between 0.7 and 1.2 instead of 1, but for the smallest."""
    first, second, third = _NEWTON_SCHULZ
    wide = matrix if len(matrix) <= matrix.shape[1] else matrix.T
    x = wide / (wide.norm() + _EPSILON)
    for _ in range(_ROUNDS):
        gram = x @ x.T
        x = first * x + (second * gram + third * gram @ gram) @ x
    return x if wide is matrix else x.T

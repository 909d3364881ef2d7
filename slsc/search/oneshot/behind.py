"""Kept weights fitted behind the activation: an error counts for what the activation leaves of it.

By majorising and minimising. With shares w <= 1 by position and channel, the squares weighted by them lie below the
plain squares to the targets f + w (t - f), give or take a constant, and touch them where the fit is f now. So every
round is a plain least-squares problem with the same matrix, factorised once, and makes the weighted error no larger.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from slsc.search.least_squares import LeastSquares, applied
from slsc.search.oneshot.response import Response, importance

ROUNDS = 10
"""Of fitting. Each about halves what is left to gain where a rectifier cuts off half of the values."""

LEAST_SHARE = 1e-4
"""Of an error that is cut off: errors that a small change would bring back should not grow without bound."""


@dataclass(frozen=True)
class Sample:
    """Output positions of a layer to weigh errors at.

    Attributes:
        features: (groups, d, P), as in `slsc.search.moments.Moments`.
        target: (K, P), what the convolution should put out, what it may not change left out.
        added: (K, P), what is added to that before the response reads it.
        response: the activation.
    """

    features: Tensor
    target: Tensor
    added: Tensor
    response: Response


def fit_behind(squares: LeastSquares, support: Tensor, count: int, sample: Sample) -> Tensor:
    """Weights on a support, (K, d) float64, that fit behind the response.

    Args:
        squares: of the layer.
        support: (K, d) bool, see `LeastSquares.support`.
        count: positions that `squares` sums.
        sample: a share of these positions, or others like them.
    """
    systems = [(system, system.inverse()) for system in squares.systems(support)]
    shift = torch.zeros(support.shape, dtype=torch.float64)
    for done in range(ROUNDS + 1):
        solution = torch.zeros_like(shift)
        for system, inverse in systems:
            right = system.right + shift[system.rows].gather(1, system.index)
            solution[system.rows] = system.spread(applied(inverse, right))
        if done < ROUNDS:
            shift = _shift(solution, sample) * (count / sample.target.shape[1])
    return solution


def _shift(solution: Tensor, sample: Sample) -> Tensor:
    """Sums of features x what the next round's targets differ by from the true ones, (K, d) float64."""
    groups, d, positions = sample.features.shape
    found = (solution.float().reshape(groups, -1, d) @ sample.features).reshape(-1, positions)
    share = importance(sample.response, found + sample.added, sample.target + sample.added).clamp(min=LEAST_SHARE)
    moved = ((1 - share) * (found - sample.target)).reshape(groups, -1, positions)
    return (moved @ sample.features.mT).double().flatten(0, 1)

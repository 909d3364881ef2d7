"""Closed-form N:M pruning of one convolution: backward elimination with least-squares correction.

In the manner of optimal brain surgeon: with the weights of an output channel at their least-squares optimum on the
current support, removing weight i raises the squared error by w_i^2 / [A^-1]_ii, where A is the Gram matrix of the
inputs on the support. Weights leave in stages of shrinking N, and what is left is solved again after each stage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from slsc.pattern import WINDOW, nm_mask, rank_groups
from slsc.search.base import Rules
from slsc.search.least_squares import LeastSquares, applied
from slsc.search.moments import Moments
from slsc.search.oneshot.behind import Sample, fit_behind
from slsc.search.oneshot.exchange import exchanged
from slsc.search.oneshot.stages import stage_counts

LAST_RATIO = 0.5
"""Of the stages on the way to one N: what coarse ones do worse, exchanges make good, in less time."""

LARGE, WIDE = 5e10, 3e11
"""Output channels times cubed features, as of 3x3 of 91 and of 142 channels: to solve the equations of every channel
takes seconds a stage above the first, and up to minutes above the second. So error curves of large layers come of every
second stage and of equations that are solved nearly, with weights ranked by the inverse of the dense layer's. Masks and
weights of wide layers are found in this way, too, through every stage."""


@dataclass(frozen=True)
class Stage:
    """One stage of the elimination.

    Attributes:
        mask: bool, shape of the weight.
        weight: float32, shape of the weight, zero outside the mask.
        bias: float32 (K,).
        error: mean squared error of the output against its target, over positions and channels.
    """

    mask: np.ndarray
    weight: np.ndarray
    bias: np.ndarray
    error: float


class Elimination:
    """Prunes one layer, given the moments of its inputs and targets.

    Args:
        weight: (K, C/groups, kh, kw) float32, the dense weights.
        bias: (K,) float32.
        moments: sums over sampled positions.
        rules: group size and mask rule.
        has_bias: whether the layer has a bias that may change.
    """

    def __init__(self, weight: np.ndarray, bias: np.ndarray, moments: Moments, rules: Rules, has_bias: bool) -> None:
        self._shape, self._rules, self._has_bias = weight.shape, rules, has_bias
        self._count = moments.count
        self._squares = LeastSquares(weight, bias, moments)
        self._work = len(weight) * moments.gram.shape[1] ** 3

    def ladder(self) -> dict[int, Stage]:
        """Stages by N, down to 1; of large layers every second one, solved nearly."""
        counts = stage_counts(self._rules.m, 1)
        if self._work <= LARGE:
            return dict(self.stages(counts))
        return dict(self.stages(sorted({*counts[::2], 1}, reverse=True), nearly=True))

    def stages(self, counts: Sequence[int], *, nearly: bool = False) -> Iterator[tuple[int, Stage]]:
        """Eliminate down through `counts` (decreasing N); yields (N, stage), each solved on its support, or nearly."""
        support = self._squares.support(np.ones(self._shape, bool), self._has_bias)
        solution, spread = self._solve(support)
        for n in counts:
            mask = self._select(solution.square() / spread, support, n)
            kept = torch.cat([torch.from_numpy(mask.reshape(len(mask), -1)), support[:, -1:]], 1)
            if not torch.equal(kept, support):
                support = kept
                if nearly:
                    solution = self._squares.iterated(support, solution)
                else:
                    solution, spread = self._solve(support)
            yield n, self._stage(mask, solution)

    def last(self, n: int) -> Stage:
        """The stage at N = `n`, reached through few stages and by exchanging weights; of wide layers through all."""
        if self._work > WIDE or n >= self._rules.m:
            counts = stage_counts(self._rules.m, n)
            return [stage for _, stage in self.stages(counts, nearly=True)][-1]
        stage = [stage for _, stage in self.stages(stage_counts(self._rules.m, n, LAST_RATIO))][-1]
        within = WINDOW if self._rules.rule == "magnitude+2:4" and 2 * n <= self._rules.m else self._rules.m
        support = exchanged(self._squares, self._squares.support(stage.mask, self._has_bias), self._shape, within)
        mask = support[:, :-1].reshape(self._shape).numpy()
        return self._stage(mask, self._solve(support)[0])

    def behind(self, stage: Stage, sample: Sample) -> Stage:
        """A stage's mask with weights that fit behind the activation; its error is of the layer's own output.

        Of a wide layer the stage as it is.
        """
        if self._work > WIDE:
            return stage
        support = self._squares.support(stage.mask, self._has_bias)
        return self._stage(stage.mask, fit_behind(self._squares, support, self._count, sample))

    def _select(self, score: Tensor, support: Tensor, n: int) -> np.ndarray:
        # Weights that left earlier must not come back unless the 2:4 rule leaves no other choice.
        importance = torch.where(support, score, -1.0)[:, :-1].reshape(self._shape).numpy()
        return nm_mask(rank_groups(importance, self._rules.m, self._rules.rule), n, self._rules.m)

    def _stage(self, mask: np.ndarray, solution: Tensor) -> Stage:
        weight = solution[:, :-1].reshape(self._shape).numpy().astype(np.float32)
        return Stage(mask, weight * mask, solution[:, -1].numpy().astype(np.float32), self._squares.error(solution))

    def _solve(self, support: Tensor) -> tuple[Tensor, Tensor]:
        """Least squares on the support: weights, zeros elsewhere, and the diagonal of the inverse, ones elsewhere."""
        solution = torch.zeros(support.shape, dtype=torch.float64)
        spread = torch.ones_like(solution)
        for system in self._squares.systems(support):
            inverse = system.inverse()
            found = applied(inverse, system.right)
            solution[system.rows] = system.spread(found)
            diagonal = inverse.diagonal(dim1=1, dim2=2).expand(len(found), -1)
            spread[system.rows] = spread[system.rows].scatter(1, system.index, diagonal)
        return solution, spread

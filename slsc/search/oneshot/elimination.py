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

from slsc.pattern import nm_mask, rank_groups
from slsc.search.base import Rules
from slsc.search.moments import Moments
from slsc.search.oneshot.stages import stage_counts

RIDGE = 1e-3
"""Pull towards the dense weights, as a share of the mean diagonal of the Gram matrix."""

_BLOCK_BYTES = 192 << 20


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
        self._shape, self._rules, self._moments, self._has_bias = weight.shape, rules, moments, has_bias
        flat = np.concatenate([weight.reshape(len(weight), -1), bias.reshape(-1, 1)], 1)
        self._dense = torch.from_numpy(flat.astype(np.float64))
        self._ridge = RIDGE * moments.gram.diagonal(dim1=1, dim2=2).mean(1) + 1e-12

    def stages(self, counts: Sequence[int]) -> Iterator[tuple[int, Stage]]:
        """Eliminate down through `counts` (decreasing N); yields (N, stage), each solved on its support."""
        support = torch.ones(self._dense.shape, dtype=torch.bool)
        support[:, -1] = self._has_bias
        solution, score = self._solve(support)
        for n in counts:
            mask = self._select(score, support, n)
            kept = torch.cat([torch.from_numpy(mask.reshape(len(mask), -1)), support[:, -1:]], 1)
            if not torch.equal(kept, support):
                support = kept
                solution, score = self._solve(support)
            yield n, self._stage(mask, solution)

    def last(self, n: int) -> Stage:
        """The stage at N = `n`, reached through the usual stages."""
        return [stage for _, stage in self.stages(stage_counts(self._rules.m, n))][-1]

    def _select(self, score: Tensor, support: Tensor, n: int) -> np.ndarray:
        # Weights that left earlier must not come back unless the 2:4 rule leaves no other choice.
        importance = torch.where(support, score, -1.0)[:, :-1].reshape(self._shape).numpy()
        return nm_mask(rank_groups(importance, self._rules.m, self._rules.rule), n, self._rules.m)

    def _stage(self, mask: np.ndarray, solution: Tensor) -> Stage:
        weight = solution[:, :-1].reshape(self._shape).numpy().astype(np.float32)
        return Stage(mask, weight * mask, solution[:, -1].numpy().astype(np.float32), self._error(solution))

    def _error(self, solution: Tensor) -> float:
        groups, d, _ = self._moments.cross.shape
        w = solution.reshape(groups, -1, d)
        fitted = (w @ self._moments.gram * w).sum() - 2 * (w * self._moments.cross.mT).sum()
        return max(0.0, float(fitted + self._moments.energy.sum()) / (self._moments.count * len(solution)))

    def _solve(self, support: Tensor) -> tuple[Tensor, Tensor]:
        """Ridge least squares of each output channel on its support: (weights, removal scores), zeros elsewhere."""
        solution, score = torch.zeros_like(self._dense), torch.zeros_like(self._dense)
        for group, rows in self._blocks(support):
            ridge, gram = self._ridge[group], self._moments.gram[group]
            per_group = len(support) // len(self._moments.gram)
            cross = self._moments.cross[group].mT[rows - group * per_group]
            right = cross + ridge * self._dense[rows]
            shared = bool((support[rows] == support[rows[0]]).all())
            index = torch.nonzero(support[rows[:1] if shared else rows])[:, 1].reshape(1 if shared else len(rows), -1)
            system = gram[index[:, :, None], index[:, None, :]]
            system.diagonal(dim1=1, dim2=2).add_(ridge)
            inverse = torch.cholesky_inverse(torch.linalg.cholesky(system))
            index = index.expand(len(rows), -1)
            found = (inverse @ right.gather(1, index).unsqueeze(2)).squeeze(2)
            gain = found.square() / inverse.diagonal(dim1=1, dim2=2)
            solution[rows] = torch.zeros_like(right).scatter(1, index, found)
            score[rows] = torch.zeros_like(right).scatter(1, index, gain)
        return solution, score

    def _blocks(self, support: Tensor) -> Iterator[tuple[int, Tensor]]:
        """(convolution group, rows) whose systems are of one size and fit into memory together."""
        per_group = len(support) // len(self._moments.gram)
        sizes = support.sum(1)
        for group in range(len(self._moments.gram)):
            members = torch.arange(group * per_group, (group + 1) * per_group)
            for size in sizes[members].unique():
                rows = members[sizes[members] == size]
                for block in rows.split(max(1, _BLOCK_BYTES // (24 * int(size) ** 2))):
                    yield group, block

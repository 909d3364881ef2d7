"""Least squares of a convolution on the weights that it keeps, from the moments of its inputs and targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from slsc.search.moments import Moments

RIDGE = 1e-3
"""Pull towards the weights as they were, as a share of the mean diagonal of the Gram matrix."""

ITERATIONS, LEAST_GAIN = 40, 1e-3
"""Of conjugate gradients: most of them, and the share of the squared error below which what one gains is the last."""

_TINY = 1e-30
_BLOCK_BYTES = 192 << 20


@dataclass(frozen=True)
class System:
    """Normal equations of some output channels that keep equally many weights: matrix @ solution = right.

    Attributes:
        rows: (R,) the output channels.
        index: (R, n) which of the d features each keeps, ascending; the bias is the last.
        matrix: (R or 1, n, n) float64, positive definite; one where all keep the same features.
        right: (R, n) float64.
        before: (R, n) float64, the weights as they were.
        d: number of features.
    """

    rows: Tensor
    index: Tensor
    matrix: Tensor
    right: Tensor
    before: Tensor
    d: int

    def inverse(self) -> Tensor:
        """Of the matrix."""
        return torch.cholesky_inverse(torch.linalg.cholesky(self.matrix))

    def spread(self, values: Tensor) -> Tensor:
        """(R, n) values at their features, (R, d), zeros elsewhere."""
        return values.new_zeros(len(self.rows), self.d).scatter(1, self.index, values)


def applied(inverse: Tensor, right: Tensor) -> Tensor:
    """(R, n): `System.inverse` by right sides, (R, n); one inverse for all rows is not made as many."""
    return right @ inverse[0] if len(inverse) == 1 else (inverse @ right.unsqueeze(2)).squeeze(2)


class LeastSquares:
    """Ridge least squares of one layer, output channel by output channel.

    Args:
        weight: (K, C/groups, kh, kw) float32, the weights as they were.
        bias: (K,) float32.
        moments: sums over sampled positions.
    """

    def __init__(self, weight: np.ndarray, bias: np.ndarray, moments: Moments) -> None:
        flat = np.concatenate([weight.reshape(len(weight), -1), bias.reshape(-1, 1)], 1)
        self._before = torch.from_numpy(flat.astype(np.float64))
        self._moments = moments
        self._ridge = RIDGE * moments.gram.diagonal(dim1=1, dim2=2).mean(1) + 1e-12

    def support(self, mask: np.ndarray, has_bias: bool) -> Tensor:
        """(K, d) bool: what a mask of the weight's shape keeps, and the bias where there is one."""
        support = torch.full(self._before.shape, has_bias)
        support[:, :-1] = torch.from_numpy(mask.reshape(len(mask), -1))
        return support

    def systems(self, support: Tensor) -> Iterator[System]:
        """The equations of every output channel on its support, (K, d) bool; those of equal size together."""
        per_group, d = len(support) // len(self._moments.gram), support.shape[1]
        for group, rows, shared in self._blocks(support):
            ridge, gram = self._ridge[group], self._moments.gram[group]
            cross = self._moments.cross[group].mT[rows - group * per_group]
            before = self._before[rows]
            right = cross + ridge * before
            index = torch.nonzero(support[rows[:1] if shared else rows])[:, 1].reshape(1 if shared else len(rows), -1)
            matrix = gram[index[:, :, None], index[:, None, :]]
            matrix.diagonal(dim1=1, dim2=2).add_(ridge)
            index = index.expand(len(rows), -1)
            yield System(rows, index, matrix, right.gather(1, index), before.gather(1, index), d)

    def iterated(self, support: Tensor, start: Tensor) -> Tensor:
        """Weights near the least-squares solution of every output channel on its support, (K, d) float64.

        By conjugate gradients in float32, all channels at once: each has equations of its own to solve, and where it
        keeps thousands of weights that takes minutes a layer.

        Args:
            support: (K, d) bool.
            start: (K, d) float64, weights to begin with; those outside the support are dropped.
        """
        found = start * support
        for *problem, members in self.problems():
            matrix, right, energy = (values.float() for values in problem)
            kept, x = support[members].float(), found[members].float()
            scale = kept / matrix.diagonal()
            rest = (right - x @ matrix) * kept
            along = rest * scale
            size = (rest * along).sum(1, keepdim=True)
            for _ in range(ITERATIONS):
                image = (along @ matrix) * kept
                step = size / (along * image).sum(1, keepdim=True).clamp(min=_TINY)
                x += step * along
                rest -= step * image
                # What is left is the energy less x (right + rest), since rest is right less x matrix.
                if (step * size).sum() <= LEAST_GAIN * (energy.sum() - (x * (right + rest)).sum()):
                    break
                scaled = rest * scale
                before, size = size, (rest * scaled).sum(1, keepdim=True)
                along = scaled + size / before.clamp(min=_TINY) * along
            found[members] = x.double()
        return found

    def problems(self) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """By convolution group, of all d features: matrix (d, d), right (R, d), energy (R,), and which channels, (R,).

        Weights w of an output channel leave the error energy - 2 right w + w matrix w, the pull towards the weights as
        they were included, give or take a constant.
        """
        per_group = len(self._before) // len(self._moments.gram)
        for group, (gram, cross) in enumerate(zip(self._moments.gram, self._moments.cross, strict=True)):
            members, ridge = torch.arange(group * per_group, (group + 1) * per_group), self._ridge[group]
            before = self._before[members]
            energy = self._moments.energy[members] + ridge * before.square().sum(1)
            yield gram + ridge * torch.eye(len(gram)), cross.mT + ridge * before, energy, members

    def error(self, solution: Tensor) -> float:
        """Mean squared error of the output against its target, over positions and channels, of (K, d) weights."""
        groups, d, _ = self._moments.cross.shape
        w = solution.reshape(groups, -1, d)
        fitted = (w @ self._moments.gram * w).sum() - 2 * (w * self._moments.cross.mT).sum()
        return max(0.0, float(fitted + self._moments.energy.sum()) / (self._moments.count * len(solution)))

    def bias_change(self, solution: Tensor) -> Tensor:
        """(K,) what must be added to the biases of (K, d) weights so that mean outputs are the targets' means."""
        groups, d, _ = self._moments.cross.shape
        made = self._moments.gram[:, -1:] @ solution.reshape(groups, -1, d).mT
        return (self._moments.cross[:, -1] - made[:, 0]).flatten() / self._moments.count

    def _blocks(self, support: Tensor) -> Iterator[tuple[int, Tensor, bool]]:
        """(convolution group, rows, whether one system is for all), of one size, which fit into memory together."""
        per_group = len(support) // len(self._moments.gram)
        sizes = support.sum(1)
        for group in range(len(self._moments.gram)):
            members = torch.arange(group * per_group, (group + 1) * per_group)
            for size in sizes[members].unique():
                rows = members[sizes[members] == size]
                shared = bool((support[rows] == support[rows[0]]).all())
                most = len(rows) if shared else max(1, _BLOCK_BYTES // (24 * int(size) ** 2 + 1))
                for block in rows.split(most):
                    yield group, block, shared

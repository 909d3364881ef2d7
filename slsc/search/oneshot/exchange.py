"""Masks made better after elimination: pruned weights take the places of kept ones of their groups.

Elimination is greedy: what left early may be missed once others have left, too. With the inverse of the Gram matrix of
the kept weights at hand, what any one exchange does to the squared error is known exactly. In a round every group of
an output channel makes its best exchange, all at once; where these together do harm, the better half of them is tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from slsc.search.least_squares import LeastSquares, applied

FEWEST, MOST = 3, 40
"""Rounds. The first three bring most of it, and most channels have nothing left to gain after ten."""

WORK = 1e10
"""Multiplications for one layer, about, above which fewer rounds are made than `MOST`: it is wide, and keeps much."""

LEAST_GAIN = 1e-4
"""Share of a channel's error below which a round's gain ends its exchanges."""

_BLOCK_BYTES = 64 << 20


@dataclass
class _Fit:
    """Output channels of one kept count, fitted on what they keep.

    Attributes:
        support: (R, d) bool, what each keeps; the bias is the last.
        index: (R, n) the same as indices, ascending.
        inverse: (R, n, n) of the Gram matrix on the support.
        weights: (R, n) the least-squares solution.
        explained: (R,) the energy that it explains: error is what is left of the targets'.
    """

    support: Tensor
    index: Tensor
    inverse: Tensor
    weights: Tensor
    explained: Tensor

    @classmethod
    def of(cls, matrix: Tensor, right: Tensor, support: Tensor) -> _Fit:
        index = torch.nonzero(support)[:, 1].reshape(len(support), -1)
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(matrix[index[:, :, None], index[:, None, :]]))
        sums = right.gather(1, index)
        weights = applied(inverse, sums)
        return cls(support, index, inverse, weights, (weights * sums).sum(1))

    def rows(self, rows: Tensor) -> _Fit:
        return _Fit(*(value[rows] for value in vars(self).values()))

    def put(self, rows: Tensor, other: _Fit) -> None:
        for name, value in vars(other).items():
            getattr(self, name)[rows] = value


def exchanged(squares: LeastSquares, support: Tensor, shape: tuple[int, ...], size: int) -> Tensor:
    """A support of as many weights in each group with an error that is no larger.

    Args:
        squares: of the layer.
        support: (K, d) bool, see `LeastSquares.support`.
        shape: (K, C/groups, kh, kw) of the weight.
        size: weights change places within so many consecutive channels.

    Returns:
        (K, d) bool.
    """
    found, groups = support.clone(), _groups(shape, size)
    for matrix, right, energy, members in squares.problems():
        counts = support[members].sum(1)
        for count in counts.unique().tolist():
            rounds = max(FEWEST, min(MOST, int(WORK / (len(support) * support.shape[1] * count**2))))
            block = max(1, _BLOCK_BYTES // (16 * support.shape[1] * count))
            for rows in torch.nonzero(counts == count)[:, 0].split(block):
                kept = found[members[rows]]
                found[members[rows]] = _improved(matrix, right[rows], energy[rows], kept, groups, rounds)
    return found


def _groups(shape: tuple[int, ...], size: int) -> list[Tensor]:
    """(G, size) features of the groups of one size; of those at the end, which are shorter, beside them."""
    features = torch.arange(shape[1] * shape[2] * shape[3]).reshape(shape[1], -1).T  # (taps, C)
    whole = shape[1] // size * size
    parts = [features[:, :whole].reshape(-1, size), features[:, whole:]]
    return [part for part in parts if part.numel()]


def _improved(
    matrix: Tensor, right: Tensor, energy: Tensor, support: Tensor, groups: list[Tensor], rounds: int
) -> Tensor:
    """The support of some output channels after at most so many rounds."""
    fit = _Fit.of(matrix, right, support)
    active = torch.arange(len(support))
    for _ in range(rounds):
        now = fit.rows(active)
        best = list(_best(matrix, right[active], now, groups))
        if not best:
            break
        gains, added, dropped = (torch.cat(parts, 1) for parts in zip(*best, strict=True))
        after = _exchange(matrix, right[active], now, gains, added, dropped)
        gained = after.explained - now.explained
        better = gained > 0
        fit.put(active[better], after.rows(better))
        active = active[gained > LEAST_GAIN * (energy[active] - now.explained).clamp(min=0)]
        if not len(active):
            break
    return fit.support


def _best(matrix: Tensor, right: Tensor, fit: _Fit, groups: list[Tensor]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """By group of each channel: what its best exchange explains more, and the features that come and go; (R, G)."""
    against = matrix[:, fit.index].transpose(0, 1)  # (R, d, n)
    through = against @ fit.inverse
    room = (matrix.diagonal() - (through * against).sum(2)).clamp(min=1e-30)
    missed = right - (against @ fit.weights.unsqueeze(2)).squeeze(2)
    step = missed / room
    place = torch.zeros(fit.support.shape, dtype=torch.long).scatter_(
        1, fit.index, torch.arange(fit.index.shape[1]).expand(len(fit.index), -1)
    )
    spread = fit.inverse.diagonal(dim1=1, dim2=2)
    rows = torch.arange(len(right))[:, None, None, None]
    for features in groups:
        kept = fit.support[:, features]
        order = torch.argsort((~kept).long(), dim=2, stable=True)
        most, least = int(kept.sum(2).max()), int(kept.sum(2).min())
        if most == 0 or least == features.shape[1]:
            continue
        names = features.expand(len(right), -1, -1).gather(2, order)
        old, new = names[:, :, :most, None], names[:, :, None, least:]
        at = place.gather(1, old.flatten(1)).reshape(old.shape)
        share = through[rows, new, at]  # (R, G, most, size - least)
        weight = fit.weights[rows, at] - share * step[rows, new]
        loss = weight.square() / (spread[rows, at] + share.square() / room[rows, new])
        gain = missed[rows, new] * step[rows, new] - loss
        allowed = fit.support[rows, old] & ~fit.support[rows, new]
        gain = torch.where(allowed, gain, -torch.inf).flatten(2)
        best, choice = gain.max(2)
        width = new.shape[3]
        yield (
            best,
            new[:, :, 0].gather(2, (choice % width)[:, :, None])[:, :, 0],
            old[:, :, :, 0].gather(2, (choice // width)[:, :, None])[:, :, 0],
        )


def _exchange(matrix: Tensor, right: Tensor, fit: _Fit, gains: Tensor, added: Tensor, dropped: Tensor) -> _Fit:
    """The fit after as many of the best exchanges as together do good; where none does, as it was."""
    order = torch.argsort(gains, dim=1, descending=True)
    counts = (gains > 0).sum(1)
    after = fit.rows(torch.arange(len(right)))
    pending = torch.nonzero(counts > 0)[:, 0]
    while len(pending):
        chosen = torch.zeros_like(gains, dtype=torch.bool).scatter_(
            1, order, torch.arange(gains.shape[1])[None] < counts[:, None]
        )[pending]
        support = fit.support[pending].long()
        support.scatter_add_(1, added[pending], chosen.long())
        support.scatter_add_(1, dropped[pending], -chosen.long())
        trial = _Fit.of(matrix, right[pending], support.bool())
        good = trial.explained > fit.explained[pending]
        after.put(pending[good], trial.rows(good))
        counts[pending] //= 2
        pending = pending[~good & (counts[pending] > 0)]
    return after

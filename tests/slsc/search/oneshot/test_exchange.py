from __future__ import annotations

import itertools

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from slsc.search.least_squares import LeastSquares
from slsc.search.moments import Moments
from slsc.search.oneshot import exchange
from slsc.search.oneshot.exchange import exchanged


def squares_of(shape: tuple[int, ...], groups: int, seed: int) -> LeastSquares:
    """A layer of such a weight, its inputs as much alike as the features of images are."""
    generator = torch.Generator().manual_seed(seed)
    d = shape[1] * shape[2] * shape[3] + 1
    mixed = torch.randn(groups, d, d, generator=generator, dtype=torch.float64)
    features = mixed @ torch.randn(groups, d, 300, generator=generator, dtype=torch.float64)
    features[:, -1] = 1
    target = torch.randn(groups, shape[0] // groups, d, generator=generator, dtype=torch.float64) @ features
    energy = target.square().sum(2).flatten()
    moments = Moments(features @ features.mT, features @ target.mT, energy, 300)
    return LeastSquares(np.zeros(shape, np.float32), np.zeros(shape[0], np.float32), moments)


def error_of(squares: LeastSquares, support: Tensor) -> Tensor:
    """Of each output channel, fitted on its support; the pull towards zero counts."""
    errors = torch.zeros(len(support), dtype=torch.float64)
    for matrix, right, energy, members in squares.problems():
        for row, channel in enumerate(members):
            kept = torch.nonzero(support[channel])[:, 0]
            fitted = torch.linalg.solve(matrix[kept][:, kept], right[row, kept])
            errors[channel] = energy[row] - right[row, kept] @ fitted
    return errors


def drawn_support(squares: LeastSquares, shape: tuple[int, ...], size: int, count: int, seed: int) -> Tensor:
    """At random `count` of every `size` channels, as far as there are so many."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape, bool)
    for start in range(0, shape[1], size):
        part = mask[:, start : start + size]
        order = rng.random(part.shape).argsort(axis=1)
        part[...] = order < count
    return squares.support(mask, True)


def by_group(support: Tensor, shape: tuple[int, ...], size: int) -> list[Tensor]:
    return [part.sum(1) for part in support[:, :-1].reshape(shape).split(size, 1)]


@given(
    st.integers(3, 13),
    st.sampled_from([(1, 1), (3, 1), (2, 3)]),
    st.integers(1, 2),
    st.integers(1, 3),
    st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_groups_keep_as_many_and_errors_do_not_grow(channels, kernel, groups, count, seed):
    shape, size = (4, channels, *kernel), 5
    squares = squares_of(shape, groups, seed)
    before = drawn_support(squares, shape, size, count, seed)
    after = exchanged(squares, before, shape, size)
    assert torch.equal(after[:, -1], before[:, -1])
    for kept, left in zip(by_group(before, shape, size), by_group(after, shape, size), strict=True):
        assert torch.equal(kept, left)
    was, now = error_of(squares, before), error_of(squares, after)
    assert (now <= was * (1 + 1e-9) + 1e-9).all()


def test_no_single_exchange_is_left_that_would_gain():
    shape, size = (3, 10, 1, 2), 5
    squares = squares_of(shape, 1, 7)
    found = exchanged(squares, drawn_support(squares, shape, size, 2, 7), shape, size)
    least = error_of(squares, found)
    groups = [[c * 2 + tap for c in range(first, first + size)] for first in (0, 5) for tap in (0, 1)]
    for channel, group in itertools.product(range(3), groups):
        kept, pruned = ([f for f in group if bool(found[channel, f]) is wanted] for wanted in (True, False))
        for old, new in itertools.product(kept, pruned):
            other = found.clone()
            other[channel, old], other[channel, new] = False, True
            assert error_of(squares, other)[channel] >= least[channel] * (1 - 2 * exchange.LEAST_GAIN)


def test_groups_that_are_full_or_empty_stay():
    shape = (2, 8, 1, 1)
    squares = squares_of(shape, 1, 3)
    mask = np.zeros(shape, bool)
    mask[:, :4] = True
    support = squares.support(mask, True)
    assert torch.equal(exchanged(squares, support, shape, 4), support)


def test_wide_layers_take_fewer_rounds(monkeypatch):
    shape = (2, 24, 1, 1)
    squares = squares_of(shape, 1, 4)
    support = drawn_support(squares, shape, 24, 8, 4)
    best = error_of(squares, exchanged(squares, support, shape, 24)).sum()
    monkeypatch.setattr(exchange, "WORK", 1.0)
    monkeypatch.setattr(exchange, "FEWEST", 1)
    assert best < error_of(squares, exchanged(squares, support, shape, 24)).sum() < error_of(squares, support).sum()

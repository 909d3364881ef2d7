"""The energy a mask keeps, against the masks themselves and against trying all of them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from slsc.passes.sparsity24.columns import Columns
from slsc.passes.sparsity24.energy import kept_energy
from slsc.pattern import nm_mask, rank_groups


def by_trial(row: np.ndarray, n: int, windowed: bool) -> float:
    """Best of all choices of `n` entries."""
    fitting = (
        chosen
        for chosen in combinations(range(len(row)), min(n, len(row)))
        if not windowed or max(np.bincount(np.array(chosen) // 4)) <= 2
    )
    return max((float(row[list(chosen)].sum()) for chosen in fitting), default=-1.0)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 11), st.integers(1, 5), st.booleans(), st.integers(0, 99))
def test_no_choice_keeps_more(channels, n, windowed, seed):
    row = np.random.default_rng(seed).random(channels).astype(np.float32)
    limit = sum(min(2, channels - start) for start in range(0, channels, 4)) if windowed else channels
    found = float(kept_energy(row[None], n, windowed))
    assert np.isclose(found, by_trial(row, min(n, limit), windowed), rtol=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 16), st.sampled_from((8, 32)), st.integers(0, 99))
def test_it_is_what_the_masks_keep(channels, n, m, seed):
    weight = np.random.default_rng(seed).standard_normal((3, channels, 2, 1)).astype(np.float32)
    n = min(n, m // 2)
    mask = nm_mask(rank_groups(np.abs(weight), m, "magnitude+2:4"), n, m)
    assert np.isclose(Columns(weight, n, m).kept, np.square(weight[mask]).sum(), rtol=1e-4)


@settings(max_examples=40, deadline=None)
@given(st.integers(5, 40), st.integers(1, 8), st.integers(0, 99))
def test_gains_are_what_exchanges_bring(channels, n, seed):
    random = np.random.default_rng(seed)
    weight = random.standard_normal((4, channels, 1, 2)).astype(np.float32)
    pairs = np.array([random.choice(channels, 4, replace=False) for _ in range(5)])
    firsts, seconds = pairs[:, :2], pairs[:, 2:]
    columns = Columns(weight, n, 16)
    for gain, ours, theirs in zip(columns.gains(firsts, seconds), firsts, seconds, strict=True):
        other = weight.copy()
        other[:, ours], other[:, theirs] = weight[:, theirs], weight[:, ours]
        assert np.isclose(columns.kept + gain, Columns(other, n, 16).kept, rtol=1e-4)
    columns.exchange(firsts[0], seconds[0])
    changed = weight.copy()
    changed[:, firsts[0]], changed[:, seconds[0]] = weight[:, seconds[0]], weight[:, firsts[0]]
    assert np.isclose(columns.kept, Columns(changed, n, 16).kept, rtol=1e-4)

"""N:M patterns against brute force over all masks, and their promises over arbitrary shapes."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slsc import pattern
from slsc.pattern import (
    RULES,
    count_kept,
    first_2to4_violation,
    first_violation,
    group_sizes,
    kept_in_group,
    nm_mask,
    rank_groups,
)


@st.composite
def weights(draw, multiple_of_4: bool = False):
    """A weight of up to 3 x 40 x 2 x 2 with many ties and zeros, and a group size."""
    m = draw(st.integers(1, 10)) * 4 if multiple_of_4 else draw(st.integers(1, 40))
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 40)), draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = rng.standard_normal(shape)
    return (np.round(values) if draw(st.booleans()) else values), m


def groups(array: np.ndarray, m: int):
    """Every group of an array as a vector."""
    for start in range(0, array.shape[1], m):
        part = np.moveaxis(array[:, start : start + m], 1, -1)
        yield from part.reshape(-1, part.shape[-1])


@given(st.integers(1, 300), st.integers(1, 256))
def test_groups_cover_the_channels_in_order(channels, m):
    sizes = group_sizes(channels, m)
    assert sum(sizes) == channels
    assert all(size == m for size in sizes[:-1]) and 1 <= sizes[-1] <= m


@given(st.integers(1, 64).flatmap(lambda m: st.tuples(st.just(m), st.integers(1, m), st.integers(1, m))))
def test_a_group_keeps_its_share_and_at_least_one(numbers):
    m, n, size = numbers
    kept = kept_in_group(n, m, size)
    assert 1 <= kept <= size
    assert kept == 1 or abs(kept - n * size / m) <= 0.5
    assert kept_in_group(n, m, m) == n and kept_in_group(m, m, size) == size
    assert n == 1 or kept_in_group(n - 1, m, size) <= kept


@pytest.mark.parametrize("numbers", [(0, 4, 4), (5, 4, 4), (1, 4, 0), (1, 4, 5)])
def test_kept_in_group_refuses_nonsense(numbers):
    with pytest.raises(ValueError, match="need 1 <="):
        kept_in_group(*numbers)


@settings(max_examples=60)
@given(weights(multiple_of_4=True), st.sampled_from(RULES))
def test_ranks_are_a_permutation_of_every_group(case, rule):
    weight, m = case
    ranks = rank_groups(np.abs(weight), m, rule)
    assert ranks.shape == weight.shape and ranks.dtype == np.uint8
    for group in groups(ranks, m):
        assert sorted(group) == list(range(len(group)))


@settings(max_examples=60)
@given(weights(multiple_of_4=True), st.sampled_from(RULES))
def test_masks_are_nested_nm_and_counted(case, rule):
    weight, m = case
    ranks = rank_groups(np.abs(weight), m, rule)
    smaller = np.zeros(weight.shape, bool)
    for n in range(1, m + 1):
        mask = nm_mask(ranks, n, m)
        assert not (smaller & ~mask).any()
        assert mask.sum() == count_kept(weight.shape, n, m)
        assert first_violation(mask, n, m) is None
        for group in groups(mask, m):
            assert group.sum() == kept_in_group(n, m, len(group))
        smaller = mask
    assert smaller.all()


@settings(max_examples=60)
@given(weights(multiple_of_4=True))
def test_every_prefix_up_to_half_obeys_2to4(case):
    weight, m = case
    ranks = rank_groups(np.abs(weight), m, "magnitude+2:4")
    for n in range(1, m // 2 + 1):
        assert first_2to4_violation(nm_mask(ranks, n, m)) is None


@settings(max_examples=40)
@given(weights())
def test_magnitude_keeps_the_largest(case):
    weight, m = case
    ranks = rank_groups(np.abs(weight), m)
    for n in range(1, m + 1):
        mask = nm_mask(ranks, n, m)
        for values, kept in zip(groups(np.abs(weight), m), groups(mask, m), strict=True):
            best = np.sort(values)[::-1][: kept.sum()].sum()
            assert values[kept].sum() == pytest.approx(best)


@pytest.mark.parametrize("size", range(1, 13))
@pytest.mark.parametrize("seed", range(3))
def test_2to4_is_optimal_among_all_feasible_masks(size, seed):
    """For every N <= M/2 and every (short) group: no mask of as many weights that obeys 2:4 keeps more."""
    m = 12
    importance = np.random.default_rng(seed).standard_normal((1, size, 1, 1))  # negative scores too
    ranks = rank_groups(importance, m, "magnitude+2:4")
    for n in range(1, m // 2 + 1):
        kept = kept_in_group(n, m, size)
        feasible = (
            sum(importance[0, list(chosen), 0, 0])
            for chosen in combinations(range(size), kept)
            if max(np.bincount([channel // 4 for channel in chosen])) <= 2
        )
        assert importance[nm_mask(ranks, n, m)].sum() == pytest.approx(max(feasible))


def test_ties_go_to_the_lower_channel():
    assert rank_groups(np.ones((1, 6)), 4).tolist() == [[0, 1, 2, 3, 0, 1]]
    assert rank_groups(np.ones((1, 8)), 8, "magnitude+2:4").tolist() == [[0, 1, 4, 5, 2, 3, 6, 7]]


def test_ranks_reach_256_channels_a_group():
    ranks = rank_groups(np.arange(256.0).reshape(1, 256), 256)
    assert ranks[0, 0] == 255 and ranks[0, 255] == 0
    assert nm_mask(ranks, 256, 256).all() and nm_mask(ranks, 1, 256).sum() == 1


@pytest.mark.parametrize(
    ("importance", "m", "rule", "reason"),
    [
        (np.ones((2, 4)), 0, "magnitude", "1..256"),
        (np.ones((2, 4)), 257, "magnitude", "1..256"),
        (np.ones((2, 4)), 4, "largest", "unknown mask rule"),
        (np.ones(4), 4, "magnitude", "at least 2 axes"),
        (np.array([[np.nan, 1]]), 2, "magnitude", "NaN"),
        (np.ones((2, 12)), 6, "magnitude+2:4", "multiple of 4"),
    ],
)
def test_rank_groups_refuses_nonsense(importance, m, rule, reason):
    with pytest.raises(ValueError, match=reason):
        rank_groups(importance, m, rule)


def test_violations_name_the_first_bad_group():
    weight = np.zeros((2, 40, 3, 3), np.float32)
    weight[1, 33:36, 2, 0] = 1
    assert first_violation(weight, 8, 32) == (1, 32, 2, 0)  # the last group of 8 may keep 2
    assert first_violation(weight, 12, 32) is None
    assert first_2to4_violation(weight) == (1, 32, 2, 0)
    weight[1, 33, 2, 0] = 0
    assert first_2to4_violation(weight) is None


@settings(max_examples=60)
@given(weights(), st.integers(1, 40))
def test_violations_agree_with_counting(case, n):
    weight, m = case
    n = min(n, m)
    weight = np.round(weight)
    bad = any(np.count_nonzero(group) > kept_in_group(n, m, len(group)) for group in groups(weight, m))
    assert (first_violation(weight, n, m) is not None) == bad
    bad_window = any(np.count_nonzero(group) > pattern.WINDOW_KEEP for group in groups(weight, pattern.WINDOW))
    assert (first_2to4_violation(weight) is not None) == bad_window

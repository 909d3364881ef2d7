"""Choices for one pass that leaves regions out: rows by brute force, budgets with what is computed beside."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slsc.errors import UsageError
from slsc.runtime.adaptive.one_pass import AMONG, BESIDE, RESTORED, SEEN_ROWS, OnePass, _labelled, with_everywhere
from slsc.runtime.adaptive.selection import Table

COSTS = np.array([0.0, 0.0625, 0.125, 0.25])
SIDE = 24


def one_pass(seed: int, rows: int = 6, columns: int = 7) -> OnePass:
    rng = np.random.default_rng(seed)
    base = rng.lognormal(3, 1.5, (rows, columns))
    errors = np.stack([base * rng.uniform(0.6, 1.05, base.shape) ** k for k in range(len(COSTS))])
    return OnePass(Table(errors, COSTS, rng.integers(1, 577, base.shape).astype(np.float64)), SIDE)


@given(st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_rows_get_the_labels_that_charge_least(seed: int) -> None:
    charges = np.random.default_rng(seed).random((3, 2, 6))
    labels = _labelled(charges)
    for row in range(2):
        best = min(
            sum(charges[label, row, column] for column, label in enumerate(way))
            for way in product((RESTORED, BESIDE, AMONG), repeat=6)
            if {RESTORED, AMONG} not in [{*pair} for pair in pairwise(way)]
        )
        assert charges[labels[row], row, np.arange(6)].sum() == pytest.approx(best)


def test_what_is_computed_beside_restored_regions_is_counted() -> None:
    rules = replace(one_pass(0, 3, 5), table=replace(one_pass(0, 3, 5).table, pixels=np.ones((3, 5))))
    choice = np.zeros((3, 5), np.uint8)
    assert rules.cost(choice) == 0
    choice[1, 1] = 3
    beside, above = 2 * COSTS[1], 2 * 3 * COSTS[1] * SEEN_ROWS / SIDE
    assert rules.cost(choice) * 15 == pytest.approx(COSTS[3] + beside + above)
    assert rules.cost(np.full((3, 5), 2, np.uint8)) == pytest.approx(COSTS[2])


def test_what_is_computed_everywhere_costs_left_out_regions_as_well() -> None:
    rules = one_pass(0)
    rules = replace(rules, table=replace(rules.table, costs=with_everywhere(COSTS, 0.75)))
    nothing, everything = np.zeros((6, 7), np.uint8), np.ones((6, 7), np.uint8)
    assert rules.cost(nothing) == pytest.approx(0.75 * COSTS[1])
    assert rules.cost(everything) == pytest.approx(COSTS[1])
    assert not rules.by_budget(0.5 * COSTS[1]).met
    assert (with_everywhere(COSTS, 0.0) == COSTS).all()


@given(st.integers(0, 10**6), st.floats(0.001, 0.3))
@settings(max_examples=40, deadline=None)
def test_budgets_are_kept(seed: int, budget: float) -> None:
    rules = one_pass(seed)
    found = rules.by_budget(budget)
    assert found.met and rules.cost(found.choice) <= budget + 1e-9
    assert budget < COSTS[-1] or (found.choice == rules.table.errors.argmin(0)).mean() > 0.9


@given(st.integers(0, 10**6), st.floats(0.001, 0.25))
@settings(max_examples=30, deadline=None)
def test_no_restored_region_could_have_better_for_what_a_budget_leaves(seed: int, budget: float) -> None:
    rules = one_pass(seed)
    found = rules.by_budget(budget).choice
    errors, pixels = rules.table.errors, rules.table.pixels
    for row, column in np.argwhere(found):
        for other in np.flatnonzero(errors[:, row, column] < errors[found[row, column], row, column] - 1e-9):
            more = (COSTS[other] - COSTS[found[row, column]]) * pixels[row, column] / pixels.sum()
            assert more <= 0 or rules.cost(found) + more > budget


@given(st.integers(0, 10**6), st.floats(0, 3))
@settings(max_examples=40, deadline=None)
def test_losses_are_kept_where_they_can_be(seed: int, decibels: float) -> None:
    rules = one_pass(seed)
    reference = rules.table.errors[2]
    found = rules.by_loss(reference, decibels)
    allowed = rules.table.mean(reference) * 10 ** (decibels / 10) * (1 + 1e-6)
    assert (rules.table.error(found.choice) <= allowed) == found.met
    least = rules.by_beta(0)
    assert found.met or rules.table.error(found.choice) == pytest.approx(rules.table.error(least), rel=0.2)


def test_a_large_beta_leaves_everything_out_and_none_little() -> None:
    rules = one_pass(1)
    assert (rules.by_beta(1e6) == 0).all()
    assert rules.table.error(rules.by_beta(0)) <= rules.table.error(rules.by_beta(0.5))


def test_amounts_that_mean_nothing_are_refused() -> None:
    with pytest.raises(UsageError, match="beta"):
        one_pass(0).by_beta(-1)
    with pytest.raises(UsageError, match="loss"):
        one_pass(0).by_loss(one_pass(0).table.errors[1], float("nan"))

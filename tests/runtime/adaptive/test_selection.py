"""Choices of candidates: Eq. 8, budgets and losses, against brute force where that is possible."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slsc.errors import UsageError
from slsc.runtime.adaptive.selection import Table, by_beta, by_budget, by_loss

COSTS = np.array([0.0, 0.0625, 0.125, 0.25])


def table_of(seed: int, rows: int = 6, columns: int = 7) -> Table:
    rng = np.random.default_rng(seed)
    base = rng.lognormal(3, 1.5, (rows, columns))
    errors = np.stack([base * rng.uniform(0.6, 1.05, base.shape) ** k for k in range(len(COSTS))])
    return Table(errors, COSTS, rng.integers(1, 577, base.shape).astype(np.float64))


@given(st.integers(0, 10**6), st.lists(st.floats(0, 20), min_size=2, max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_larger_beta_never_costs_more_in_any_region(seed: int, betas: list[float]) -> None:
    table = table_of(seed)
    choices = [table.costs[by_beta(table, beta)] for beta in sorted(betas)]
    assert all((later <= before).all() for before, later in pairwise(choices))


def test_beta_of_nothing_takes_the_least_error_and_a_large_one_the_cheapest() -> None:
    table = table_of(1)
    assert (by_beta(table, 0) == table.errors.argmin(0)).all()
    assert (by_beta(table, 1e6) == 0).all()


def test_beta_weighs_as_equation_8_does() -> None:
    errors = np.array([100.0, 80.0, 50.0])[:, None, None]
    table = Table(errors, np.array([0.0, 0.25, 1.0]), np.ones((1, 1)))
    # Scores: beta, 0.75 beta + 0.2, 0.5: the dearest below beta = 0.4, the cheapest above beta = 0.8.
    assert [int(by_beta(table, beta)[0, 0]) for beta in (0.39, 0.41, 0.79, 0.81)] == [2, 1, 1, 0]


@pytest.mark.parametrize("beta", [-0.1, float("nan"), float("inf")])
def test_a_beta_that_means_nothing_is_refused(beta: float) -> None:
    with pytest.raises(UsageError, match="beta"):
        by_beta(table_of(0), beta)


@given(st.integers(0, 10**6), st.lists(st.floats(0, 0.3), min_size=2, max_size=6))
@settings(max_examples=60, deadline=None)
def test_budgets_are_kept_and_more_of_it_never_hurts(seed: int, budgets: list[float]) -> None:
    table = table_of(seed)
    found = [by_budget(table, budget) for budget in sorted(budgets)]
    for budget, chosen in zip(sorted(budgets), found, strict=True):
        assert chosen.met and table.cost(chosen.choice) <= budget + 1e-9
    errors = [table.error(chosen.choice) for chosen in found]
    assert all(later <= before + 1e-9 for before, later in pairwise(errors))


@pytest.mark.parametrize("seed", range(6))
def test_no_choice_of_the_same_cost_has_less_error_and_at_most_one_region_is_missing(seed: int) -> None:
    table = table_of(seed, 1, 5)
    every = [np.array(choice, np.uint8).reshape(1, 5) for choice in product(range(len(COSTS)), repeat=5)]
    costs = np.array([table.cost(choice) for choice in every])
    errors = np.array([table.error(choice) for choice in every])
    largest = (table.errors.max(0) - table.errors.min(0)).max() * table.pixels.max() / table.pixels.sum()
    for budget in np.linspace(0, 0.25, 26):
        choice = by_budget(table, float(budget)).choice
        assert table.error(choice) <= errors[costs <= table.cost(choice) + 1e-12].min() + 1e-9
        assert table.error(choice) <= errors[costs <= budget + 1e-12].min() + largest


@pytest.mark.parametrize("seed", range(4))
def test_a_loss_is_kept_at_the_least_cost(seed: int) -> None:
    table = table_of(seed, 1, 5)
    reference = table.errors.min(0)
    every = [np.array(choice, np.uint8).reshape(1, 5) for choice in product(range(len(COSTS)), repeat=5)]
    for decibels in (0.0, 0.2, 1.0, 3.0):
        chosen = by_loss(table, reference, decibels)
        assert chosen.met
        assert table.error(chosen.choice) <= table.mean(reference) * 10 ** (decibels / 10) * (1 + 1e-6)
        cheaper = [table.cost(each) for each in every if table.error(each) <= table.error(chosen.choice) + 1e-12]
        assert table.cost(chosen.choice) <= min(cheaper) + 1e-9


def test_what_cannot_be_met_gives_the_nearest_and_says_so() -> None:
    table = table_of(3)
    dear = Table(table.errors, COSTS + 0.1, table.pixels)
    assert not by_budget(dear, 0.05).met and (by_budget(dear, 0.05).choice == 0).all()
    perfect = by_loss(table, np.zeros(table.pixels.shape), 1.0)
    assert not perfect.met and np.allclose(table.error(perfect.choice), table.mean(table.errors.min(0)))
    with pytest.raises(UsageError, match="loss"):
        by_loss(table, table.errors[0], -1.0)


def test_one_candidate_is_all_there_is() -> None:
    table = Table(np.ones((1, 2, 3)), np.array([0.5]), np.ones((2, 3)))
    assert by_beta(table, 0.3).shape == (2, 3)
    assert by_budget(table, 1.0).met and not by_budget(table, 0.4).met
    assert by_loss(table, np.ones((2, 3)), 0.0).met


def test_errors_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(UsageError, match="finite"):
        Table(np.full((1, 2, 2), np.nan), np.array([0.5]), np.ones((2, 2)))
    with pytest.raises(UsageError, match="go together"):
        Table(np.ones((2, 2, 2)), np.array([0.5]), np.ones((2, 2)))

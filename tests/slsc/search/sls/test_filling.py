from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from slsc.search.sls.filling import fill_budget

MACS = np.array([[0, 10, 20, 30], [0, 1, 2, 3]])
"""Two layers of three units: dear and cheap."""


def test_high_priorities_come_first_and_what_does_not_fit_stays_out() -> None:
    p = np.array([[1.0, 0.9, 0.8], [1.0, 0.7, 0.6]])
    assert fill_budget(p, MACS, 23).tolist() == [[True, True, False], [True, True, True]]
    assert fill_budget(p, MACS, 32).tolist() == [[True, True, True], [True, True, False]]
    assert fill_budget(p, MACS, 33).tolist() == [[True, True, True], [True, True, True]]
    assert fill_budget(p, MACS, 11).tolist() == [[True, False, False], [True, False, False]]


def test_equal_priorities_fill_layers_evenly() -> None:
    assert fill_budget(np.ones((2, 3)), MACS, 23).tolist() == [[True, True, False], [True, True, True]]


def test_unordered_units_are_chosen_by_priority_alone() -> None:
    p = np.array([[1.0, 0.2, 0.9], [1.0, 0.1, 0.8]])
    assert fill_budget(p, MACS, 22).tolist() == [[True, False, True], [True, False, True]]


@settings(deadline=None)
@given(st.integers(0, 9999), st.integers(7, 60))
def test_meets_the_limit_and_wastes_less_than_a_unit(seed: int, limit: int) -> None:
    rng = np.random.default_rng(seed)
    p = np.sort(rng.random((3, 4)), axis=1)[:, ::-1]
    p[:, 0] = 1.0
    sizes = rng.integers(1, 6, (3, 1))
    macs = np.arange(5) * sizes
    taken = fill_budget(p, macs, max(limit, int(sizes.sum())))
    used = int(macs[np.arange(3), taken.sum(1)].sum())
    assert used <= max(limit, int(sizes.sum()))
    assert taken.all() or max(limit, int(sizes.sum())) - used < sizes.max()
    assert all((np.diff(row.astype(int)) <= 0).all() for row in taken)

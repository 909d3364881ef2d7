from __future__ import annotations

import itertools
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from slsc.search.base import SearchNetwork
from slsc.search.oneshot.allocation import allocate, mac_costs

M = 16
LADDER = (1, 2, 4, 8, M)


def curves_for(network: SearchNetwork, weights: list[float]) -> dict[str, dict[int, float]]:
    return {
        layer.name: {n: weight * (1 / n - 1 / M) for n in LADDER}
        for layer, weight in zip(network.layers, weights, strict=True)
    }


def within(network: SearchNetwork, curves: dict[str, dict[int, float]], budget: Fraction) -> dict[str, int]:
    return allocate(curves, mac_costs(network, curves, M), budget * network.cost.prunable_macs)


@given(st.lists(st.floats(0.01, 100), min_size=3, max_size=3), st.sampled_from(["1/2", "1/4", "1/8"]))
@settings(max_examples=60, deadline=None)
def test_meets_the_budget_and_is_near_the_exhaustive_best(
    network: SearchNetwork, weights: list[float], text: str
) -> None:
    budget, curves = Fraction(text), curves_for(network, weights)
    keep = within(network, curves, budget)
    assert network.share(keep, M) <= budget

    def error(choice: dict[str, int]) -> float:
        return sum(curves[name][n] for name, n in choice.items())

    names = list(curves)
    choices = (dict(zip(names, ns, strict=True)) for ns in itertools.product(LADDER, repeat=3))
    best = min(error(choice) for choice in choices if network.share(choice, M) <= budget)
    # The errors are convex in the cost, so that nothing is better by more than the next step that does not fit.
    following = {name: min((m for m in LADDER if m > n), default=M) for name, n in keep.items()}
    steps = [curves[name][n] - curves[name][following[name]] for name, n in keep.items()]
    assert error(keep) <= best + max(steps) + 1e-12


def test_the_more_sensitive_layer_keeps_more(network: SearchNetwork) -> None:
    keep = within(network, curves_for(network, [1.0, 50.0, 1.0]), Fraction(1, 4))
    first, second, _ = (keep[layer.name] for layer in network.layers)
    assert second > first


def test_the_whole_budget_keeps_everything(network: SearchNetwork) -> None:
    keep = within(network, curves_for(network, [1.0, 2.0, 3.0]), Fraction(1))
    assert set(keep.values()) == {M}


def test_a_scale_of_the_costs_changes_nothing() -> None:
    """Milliseconds are small numbers and MACs large ones."""
    curves = {"a": {1: 1e-3, 8: 4e-4, M: 0.0}, "b": {1: 2e-3, 8: 1e-4, M: 0.0}}
    costs = {"a": {1: 1.0, 8: 5.0, M: 9.0}, "b": {1: 2.0, 8: 6.0, M: 10.0}}
    chosen = allocate(curves, costs, 11.0)
    assert sum(costs[name][n] for name, n in chosen.items()) <= 11
    for scale in (1e-6, 1e9):
        scaled = {name: {n: scale * cost for n, cost in by_n.items()} for name, by_n in costs.items()}
        assert allocate(curves, scaled, 11.0 * scale) == chosen


def test_n_lands_on_the_step_of_a_device() -> None:
    """Up to 8:16 the device skips half of the work, beyond it nothing."""
    curves = {
        name: {n: weight * (1 / n - 1 / M) for n in (1, 4, 8, 12, M)} for name, weight in (("a", 1.0), ("b", 9.0))
    }
    costs = {name: {n: 1.0 if n <= 8 else 2.0 for n in curve} for name, curve in curves.items()}
    assert allocate(curves, costs, 2.0) == {"a": 8, "b": 8}
    assert allocate(curves, costs, 3.0) == {"a": 8, "b": M}


def test_a_dense_layer_that_is_faster_than_a_sparse_one_is_taken() -> None:
    curves = {"a": {1: 1.0, 12: 0.1, M: 0.0}}
    assert allocate(curves, {"a": {1: 1.0, 12: 5.0, M: 4.0}}, 10.0) == {"a": M}
    assert allocate(curves, {"a": {1: 1.0, 12: 5.0, M: 4.0}}, 4.5) == {"a": M}
    assert allocate(curves, {"a": {1: 1.0, 12: 5.0, M: 4.0}}, 3.0) == {"a": 1}

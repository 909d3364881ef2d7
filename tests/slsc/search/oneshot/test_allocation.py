from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slsc.errors import BudgetError
from slsc.search.base import SearchNetwork
from slsc.search.oneshot.allocation import allocate

M = 16
LADDER = (1, 2, 4, 8, M)


def curves_for(network: SearchNetwork, weights: list[float]) -> dict[str, dict[int, float]]:
    return {
        layer.name: {n: weight * (1 / n - 1 / M) for n in LADDER}
        for layer, weight in zip(network.layers, weights, strict=True)
    }


@given(st.lists(st.floats(0.01, 100), min_size=3, max_size=3), st.sampled_from(["1/2", "1/4", "1/8"]))
@settings(max_examples=60, deadline=None)
def test_meets_the_budget_and_is_near_the_exhaustive_best(
    network: SearchNetwork, weights: list[float], text: str
) -> None:
    budget, curves = Fraction(text), curves_for(network, weights)
    keep = allocate(network, curves, budget, M)
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
    keep = allocate(network, curves_for(network, [1.0, 50.0, 1.0]), Fraction(1, 4), M)
    first, second, _ = (keep[layer.name] for layer in network.layers)
    assert second > first


def test_the_whole_budget_keeps_everything(network: SearchNetwork) -> None:
    keep = allocate(network, curves_for(network, [1.0, 2.0, 3.0]), Fraction(1), M)
    assert set(keep.values()) == {M}


def test_an_unreachable_budget_names_the_nearest(network: SearchNetwork) -> None:
    with pytest.raises(BudgetError) as caught:
        allocate(network, curves_for(network, [1.0, 1.0, 1.0]), Fraction(1, 100), M)
    assert caught.value.exit_code == 3
    assert "--budget 0.06" in str(caught.value)
    nearest = Fraction(str(caught.value).split("--budget ")[1].split()[0])
    assert network.share(allocate(network, curves_for(network, [1.0] * 3), nearest, M), M) <= nearest

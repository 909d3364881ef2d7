"""Layer-wise allocation: which N each layer gets so that the predicted error is least within the MAC budget.

The predicted error of the network is the sum of the layers' own contributions. Minimising it under a bound on the sum
of their costs is a multiple-choice knapsack: the Lagrangian relaxation picks each layer's N by itself for a price per
MAC, bisection finds the price that meets the budget, and what is left of it is spent greedily.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from slsc.pattern import count_kept
from slsc.search.base import SearchNetwork

ErrorCurve = Mapping[int, float]
"""Rise of the network's output error when one layer keeps N of every M, by N. M itself is in it, at 0."""


def allocate(network: SearchNetwork, curves: Mapping[str, ErrorCurve], budget: Fraction, m: int) -> dict[str, int]:
    """Choose N per layer among the N of its curve.

    Raises:
        BudgetError: even N = 1 everywhere exceeds the budget.
    """
    network.require_reachable(budget, m)
    prices = {
        layer.name: {n: layer.positions * count_kept(layer.shape, n, m) for n in curves[layer.name]}
        for layer in network.cost.layers
        if layer.name in curves
    }
    limit = budget * network.cost.prunable_macs
    keep = _relaxed(curves, prices, limit)
    _spend_rest(keep, curves, prices, limit)
    return keep


def _relaxed(
    curves: Mapping[str, ErrorCurve], prices: Mapping[str, Mapping[int, int]], limit: Fraction
) -> dict[str, int]:
    """The Lagrangian choice at the lowest price per MAC that stays within `limit`."""

    def choice(price: float) -> dict[str, int]:
        return {
            name: min(curve, key=lambda n: (curve[n] + price * prices[name][n], prices[name][n]))
            for name, curve in curves.items()
        }

    cheapest = {name: min(curve, key=lambda n: prices[name][n]) for name, curve in curves.items()}
    scale = sum(max(curve.values()) for curve in curves.values()) or 1.0
    low, high, best = 0.0, scale, cheapest
    for _ in range(80):
        middle = (low + high) / 2 if low else high / 16
        keep = choice(middle)
        if _total(keep, prices) <= limit:
            high, best = middle, keep
        else:
            low = middle
    return best


def _spend_rest(
    keep: dict[str, int],
    curves: Mapping[str, ErrorCurve],
    prices: Mapping[str, Mapping[int, int]],
    limit: Fraction,
) -> None:
    """Raise single layers, best error saved per MAC first, while the budget lasts."""
    while True:
        rest = limit - _total(keep, prices)
        raises = [(gain, name, n) for name in keep for gain, n in _raises(keep[name], curves[name], prices[name], rest)]
        if not raises:
            return
        _, name, n = max(raises)
        keep[name] = n


def _raises(current: int, curve: ErrorCurve, price: Mapping[int, int], rest: Fraction) -> Iterable[tuple[float, int]]:
    for n in curve:
        extra = price[n] - price[current]
        if n > current and 0 < extra <= rest and curve[n] < curve[current]:
            yield (curve[current] - curve[n]) / extra, n


def _total(keep: Mapping[str, int], prices: Mapping[str, Mapping[int, int]]) -> int:
    return sum(prices[name][n] for name, n in keep.items())

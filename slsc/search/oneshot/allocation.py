"""Layer-wise allocation: which N each layer gets so that the predicted error is least within a limit of cost.

The predicted error of the network is the sum of the layers' own contributions. Minimising it under a bound on the sum
of their costs is a multiple-choice knapsack: the Lagrangian relaxation picks each layer's N by itself for a price per
unit of cost, bisection finds the price that meets the limit, and what is left of it is spent greedily.

The cost is MACs, or milliseconds that were measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import pairwise

from slsc.pattern import count_kept
from slsc.search.base import SearchNetwork
from slsc.search.device_profile import DeviceProfile

ErrorCurve = Mapping[int, float]
"""Rise of the network's output error when one layer keeps N of every M, by N. M itself is in it, at 0."""


Costs = Mapping[str, Mapping[int, float]]
"""What a layer costs, by layer and N. It need not grow with N: of some devices the dense layer is the faster one."""


def mac_costs(network: SearchNetwork, curves: Mapping[str, ErrorCurve], m: int) -> Costs:
    """MACs of each layer at the N of its curve."""
    return {
        layer.name: {n: layer.positions * count_kept(layer.shape, n, m) for n in curves[layer.name]}
        for layer in network.cost.layers
        if layer.name in curves
    }


def time_costs(profile: DeviceProfile, curves: Mapping[str, ErrorCurve]) -> Costs:
    """Milliseconds of each layer at the N of its curve."""
    return {name: {n: profile.layer_ms(name, n) for n in curve} for name, curve in curves.items()}


def predicted_error(curves: Mapping[str, ErrorCurve], keep: Mapping[str, int]) -> float:
    """Mean squared error of the network's output that a choice is held to make, before weights are corrected."""
    return sum(curves[name][n] for name, n in keep.items())


def allocate(curves: Mapping[str, ErrorCurve], costs: Costs, limit: float | Fraction) -> dict[str, int]:
    """Choose N per layer among the N of its curve.

    Args:
        curves: of every layer.
        costs: of every layer, at the N of its curve.
        limit: most that all cost together; where that cannot be, each layer is as cheap as it can be.
    """
    keep = _relaxed(curves, costs, limit)
    _spend_rest(keep, curves, costs, limit)
    return keep


def _relaxed(curves: Mapping[str, ErrorCurve], costs: Costs, limit: float | Fraction) -> dict[str, int]:
    """The Lagrangian choice at the lowest price that stays within `limit`."""

    def choice(price: float) -> dict[str, int]:
        return {
            name: min(curve, key=lambda n: (curve[n] + price * costs[name][n], costs[name][n]))
            for name, curve in curves.items()
        }

    cheapest = {name: min(curve, key=lambda n: costs[name][n]) for name, curve in curves.items()}
    low, high, best = 0.0, _steepest(curves, costs), cheapest
    for _ in range(80):
        middle = (low + high) / 2 if low else high / 16
        keep = choice(middle)
        if _total(keep, costs) <= limit:
            high, best = middle, keep
        else:
            low = middle
    return best


def _steepest(curves: Mapping[str, ErrorCurve], costs: Costs) -> float:
    """A price at which every layer takes what is cheapest: no error is worth as much."""
    errors = sum(max(curve.values()) for curve in curves.values()) or 1.0
    ordered = [sorted(by_n.values()) for by_n in costs.values()]
    steps = [after - before for values in ordered for before, after in pairwise(values) if after > before]
    return errors / min(steps, default=1.0)


def _spend_rest(
    keep: dict[str, int],
    curves: Mapping[str, ErrorCurve],
    costs: Costs,
    limit: float | Fraction,
) -> None:
    """Raise single layers, best error saved per cost first, while the limit allows."""
    while True:
        rest = limit - _total(keep, costs)
        raises = [(gain, name, n) for name in keep for gain, n in _raises(keep[name], curves[name], costs[name], rest)]
        if not raises:
            return
        _, name, n = max(raises)
        keep[name] = n


def _raises(
    current: int, curve: ErrorCurve, cost: Mapping[int, float], rest: float | Fraction
) -> Iterable[tuple[float, int]]:
    for n in curve:
        extra = cost[n] - cost[current]
        if n > current and extra <= rest and curve[n] < curve[current]:
            yield (curve[current] - curve[n]) / extra if extra > 0 else math.inf, n


def _total(keep: Mapping[str, int], costs: Costs) -> float:
    return sum(costs[name][n] for name, n in keep.items())

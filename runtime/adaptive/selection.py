"""Which candidate every region gets: Eq. 8 of the SLS paper (CVPR 2022), and Lagrangian rules for an image's budget.

Errors are estimated mean squared errors, costs are of any one unit per pixel, ascending. Rules that look at the whole
image give regions the candidates of the lower convex hull of their (cost, error) only. They begin with the cheapest
everywhere and buy, one region after the other, what lowers the error most for its price; that is the least error for
what it costs, and a budget is met to within one purchase.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from slsc.errors import UsageError
from slsc.runtime.adaptive.regions import ChoiceMap

Array = npt.NDArray[np.float64]

TINY = 1e-12
"""Stands in for an error of nothing where errors are compared by ratio."""


@dataclass(frozen=True)
class Table:
    """What a choice is made from.

    Attributes:
        errors: (K, rows, columns) estimated mean squared error of each candidate in each region.
        costs: (K,) cost of a pixel, ascending.
        pixels: (rows, columns) pixels of each region.

    Raises:
        UsageError: the errors are not finite, or the shapes do not go together.
    """

    errors: Array
    costs: Array
    pixels: Array

    def __post_init__(self) -> None:
        if self.errors.ndim != 3 or self.errors.shape != (len(self.costs), *self.pixels.shape):
            raise UsageError("errors, costs and regions do not go together", why=f"errors {list(self.errors.shape)}")
        if not np.isfinite(self.errors).all() or (np.diff(self.costs) < 0).any():
            raise UsageError("cannot choose", why="errors must be finite, costs ascending")

    def cost(self, choice: ChoiceMap) -> float:
        """Average cost of a pixel."""
        return float((self.costs[choice] * self.pixels).sum() / self.pixels.sum())

    def error(self, choice: ChoiceMap) -> float:
        """Mean squared error of the image, as estimated."""
        return self.mean(np.take_along_axis(self.errors, choice[None].astype(np.intp), 0)[0])

    def mean(self, values: Array) -> float:
        """The mean over the image's pixels of what regions have."""
        return float((values * self.pixels).sum() / self.pixels.sum())


@dataclass(frozen=True)
class Chosen:
    """A choice, and whether it is what was asked for: the nearest there is, otherwise."""

    choice: ChoiceMap
    met: bool


def by_beta(table: Table, beta: float) -> ChoiceMap:
    """Eq. 8: the candidate with the largest beta (C1 - Ci) / C1 + (fn - fi) / fn, C1 the dearest, n the cheapest.

    0 asks for the least error whatever it costs; the larger beta, the cheaper. Among equals the cheaper is taken.

    Raises:
        UsageError: beta is negative or no number.
    """
    require_amount(beta, "beta", "give 0 for the best quality, more to save: 0.05 to 10")
    saved = 1 - table.costs / max(table.costs[-1], TINY)
    gained = 1 - table.errors / np.maximum(table.errors[:1], TINY)
    score = beta * saved[:, None, None] + gained
    return np.argmax(score, 0).astype(np.uint8)


def by_budget(table: Table, budget: float) -> Chosen:
    """The least estimated error whose average cost is at most `budget`; the cheapest where that is dearer."""
    wanted = budget * table.pixels.sum()
    base = table.costs[0] * table.pixels.sum()
    slack = 1e-9 * table.costs[-1] * table.pixels.sum()
    steps = _purchases(table)
    bought = int(np.searchsorted(base + np.cumsum(steps.costs), wanted + slack, "right"))
    return Chosen(steps.choice(bought), bool(base <= wanted + slack))


def by_loss(table: Table, reference: Array, decibels: float) -> Chosen:
    """The least cost whose estimated error is at most `decibels` above that of a reference.

    Args:
        table: see there.
        reference: (rows, columns) estimated mean squared error of it.
        decibels: at least 0.

    Returns:
        The least error there is where that is too large.

    Raises:
        UsageError: the loss is negative or no number.
    """
    require_amount(decibels, "a loss", "give what may be lost, such as 0.1")
    steps = _purchases(table)
    total = (table.errors[0] * table.pixels).sum()
    left = np.concatenate([[total], total - np.cumsum(steps.gains)])
    enough = np.flatnonzero(left <= (reference * table.pixels).sum() * 10 ** (decibels / 10) * (1 + 1e-9))
    return Chosen(steps.choice(int(enough[0]) if len(enough) else len(left) - 1), bool(len(enough)))


def require_amount(value: float, what: str, hint: str) -> None:
    """Check what a wish is for.

    Raises:
        UsageError: it is negative or no number.
    """
    if not (math.isfinite(value) and value >= 0):
        raise UsageError(f"{what} of {value:g}", hint=hint)


@dataclass(frozen=True)
class Alone:
    """The rules for regions that cost what their candidates do, whatever their neighbours are."""

    table: Table

    def by_beta(self, beta: float) -> ChoiceMap:
        """See `by_beta`."""
        return by_beta(self.table, beta)

    def by_budget(self, budget: float) -> Chosen:
        """See `by_budget`."""
        return by_budget(self.table, budget)

    def by_loss(self, reference: Array, decibels: float) -> Chosen:
        """See `by_loss`."""
        return by_loss(self.table, reference, decibels)

    def cost(self, choice: ChoiceMap) -> float:
        """See `Table.cost`."""
        return self.table.cost(choice)


@dataclass(frozen=True)
class _Purchases:
    """Steps from one candidate of a region's hull to the next, the best bargain first.

    Attributes:
        regions: index of each step's region.
        to: the candidate that it leads to.
        costs, gains: what it costs, and takes from the error, over all pixels of the region.
        shape: rows and columns of regions.
    """

    regions: npt.NDArray[np.intp]
    to: npt.NDArray[np.intp]
    costs: Array
    gains: Array
    shape: tuple[int, ...]

    def choice(self, bought: int) -> ChoiceMap:
        """The map after the first so many steps."""
        found = np.zeros(self.shape, np.uint8)
        # Steps of a region come in the order of their candidates: the last one stays.
        found.ravel()[self.regions[:bought]] = self.to[:bought]
        return found


def _purchases(table: Table) -> _Purchases:
    count, regions = len(table.costs), table.pixels.size
    errors, every = table.errors.reshape(count, regions), np.arange(regions)
    at, last = np.zeros(regions, np.intp), np.full(regions, np.inf)
    order, taken, steps = [], [], []
    for _ in range(count - 1):
        dearer = table.costs[:, None] - table.costs[at]
        better = errors[at, every] - errors
        worth = (np.arange(count)[:, None] > at) & (better > 0)
        bargain = np.where(worth, better / np.maximum(dearer, TINY), -1.0)
        to = bargain.argmax(0)
        last = np.minimum(last, bargain[to, every])  # no better than the one before, whatever rounding says
        here = np.flatnonzero(last > 0)
        if not len(here):
            break
        order.append(last[here])
        taken.append(np.stack([here, to[here]]))
        steps.append(np.stack([dearer[to[here], here], better[to[here], here]]) * table.pixels.ravel()[here])
        at = np.where(last > 0, to, at)
    if not order:
        none, nothing = np.zeros(0, np.intp), np.zeros(0)
        return _Purchases(none, none, nothing, nothing, table.pixels.shape)
    ranked = np.argsort(-np.concatenate(order), kind="stable")
    (where, to), (costs, gains) = np.concatenate(taken, 1)[:, ranked], np.concatenate(steps, 1)[:, ranked]
    return _Purchases(where, to, costs, gains, table.pixels.shape)

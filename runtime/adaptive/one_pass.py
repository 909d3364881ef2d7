"""Which candidate every region gets where one pass restores them all, and may leave some out.

What is left out costs nothing only where nothing beside it is restored: the cheapest engine computes what restored
regions see of it, a region's whole width to their sides (a vector's pixels are one region wide), and a few rows above
and below. So rules choose for rows of regions at a time: of all ways to label a row as restored, left out beside such,
and left out among its like, the one with the least error + price * cost (Viterbi's algorithm), which is Eq. 8 or a
Lagrangian rule with these costs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from slsc.runtime.adaptive.regions import ChoiceMap, Size
from slsc.runtime.adaptive.selection import TINY, Array, Chosen, Table, require_amount
from slsc.runtime.backends.base import Regional

SEEN_ROWS = 6
"""Input rows above and below restored regions that are computed: 4, and what it takes that there are so few."""

SEEN = 0.4
"""What is computed of a region that is left out among its like, for restored ones above and below, as far as rules
know, which look at one row of regions at a time."""

HALVINGS = 12
"""Of the interval of a price's logarithm that a budget is searched in."""

RANGE = 1e-5
"""The least price that is tried, as a share of the one at which everything is left out."""

RESTORED, BESIDE, AMONG = range(3)
"""Labels of regions: the last two are left out."""


@dataclass(frozen=True)
class OnePass:
    """Rules as those of `selection`, for one photo.

    Attributes:
        table: its first candidate is that of regions which are left out.
        side: height of a region, input pixels.
        beside: cost of a pixel that is left out and computed for restored ones; None: that of the cheapest engine.
    """

    table: Table
    side: int
    beside: float | None = None

    def by_beta(self, beta: float) -> ChoiceMap:
        """See `selection.by_beta`."""
        require_amount(beta, "beta", "give 0 for the best quality, more to save: 0.05 to 10")
        relative = replace(self.table, errors=self.table.errors / np.maximum(self.table.errors[:1], TINY))
        return self._least(relative, np.ones_like(self.table.pixels), beta / max(self.table.costs[-1], TINY))

    def by_budget(self, budget: float) -> Chosen:
        """See `selection.by_budget`."""
        found = self._searched(lambda choice: self.cost(choice) <= budget * (1 + 1e-9), least_cost=False)
        return replace(found, choice=self._topped_up(found.choice, budget)) if found.met else found

    def by_loss(self, reference: Array, decibels: float) -> Chosen:
        """See `selection.by_loss`."""
        require_amount(decibels, "a loss", "give what may be lost, such as 0.1")
        most = self.table.mean(reference) * 10 ** (decibels / 10) * (1 + 1e-9)
        return self._searched(lambda choice: self.table.error(choice) <= most, least_cost=True)

    def cost(self, choice: ChoiceMap) -> float:
        """Average cost of a pixel, with what is computed of regions that are left out."""
        return self.table.cost(choice) + self.table.mean(computed_beside(choice > 0, self.side) * self._more)

    @property
    def _more(self) -> float:
        """What being computed costs a pixel that is left out."""
        return float((self.table.costs[1] if self.beside is None else self.beside) - self.table.costs[0])

    def _searched(self, good: Callable[[ChoiceMap], bool], *, least_cost: bool) -> Chosen:
        """The choice at the largest price that is good where that is `least_cost`, else at the least."""
        errors = self.table.errors
        top = math.log(float(max((errors[0] - errors.min(0)).max(), TINY)) / max(self.table.costs[1], TINY) * 2)
        cheapest, best = np.zeros(errors.shape[1:], np.uint8), self._at(-math.inf)
        ends = (best, cheapest) if least_cost else (cheapest, best)
        if good(ends[1]):
            return Chosen(ends[1], True)
        if not good(ends[0]):
            return Chosen(ends[0], False)
        found, low, high = ends[0], top + math.log(RANGE), top
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            choice = self._at(middle)
            fits = good(choice)
            found = choice if fits else found
            low, high = (middle, high) if fits == least_cost else (low, middle)
        return Chosen(found, True)

    def _topped_up(self, choice: ChoiceMap, budget: float) -> ChoiceMap:
        """What one price for all leaves of a budget, spent on restored regions: the best bargain that fits, repeatedly.

        What is computed beside them stays the same, whatever they are restored by.
        """
        found, pixels = choice.copy(), self.table.pixels
        while True:
            left = (budget - self.cost(found)) * pixels.sum()
            now = np.take_along_axis(self.table.errors, found[None].astype(np.intp), 0)
            gained = (now - self.table.errors) * pixels
            dearer = (self.table.costs[:, None, None] - self.table.costs[found]) * pixels
            fits = (found > 0) & (gained > 0) & (dearer > 0) & (dearer <= left)
            if not fits.any():
                return found
            bargain = np.where(fits, gained / np.maximum(dearer, TINY), 0)
            to, row, column = np.unravel_index(bargain.argmax(), bargain.shape)
            found[row, column] = to

    def _at(self, log_price: float) -> ChoiceMap:
        return self._least(self.table, self.table.pixels, math.exp(log_price))

    def _least(self, table: Table, pixels: Array, price: float) -> ChoiceMap:
        """The choice with the least sum of (error + price * cost) * pixels."""
        charged = (table.errors + price * table.costs[:, None, None]) * pixels
        more = price * self._more * pixels
        labels = _labelled(np.stack([charged[1:].min(0), charged[0] + more, charged[0] + more * SEEN]))
        return np.where(labels == RESTORED, charged[1:].argmin(0) + 1, 0).astype(np.uint8)


def computed_beside(restored: npt.NDArray[np.bool_], side: int) -> Array:
    """What is computed for restored regions of each that is left out, a share of it; they are `side` pixels high."""
    beside = _beside(restored)
    near, seen = restored | beside, np.zeros(restored.shape)
    seen[1:] += near[:-1]
    seen[:-1] += near[1:]
    return np.where(beside, 1.0, np.minimum(1.0, seen * (SEEN_ROWS / side))) * ~restored


def everywhere(runner: Regional, hw: Size) -> float:
    """The share of the cheapest candidate's cost that a pass takes of regions which are left out as of all others.

    Args:
        runner: makes such passes.
        hw: height and width of an image, input pixels; sizes differ little in this.
    """
    return runner.everywhere_macs(*hw) / max(1, runner.candidate_macs(*hw)[0])


def with_everywhere(costs: Array, share: float) -> Array:
    """(K,) costs where the first is that of being left out of a pass that computes such a share everywhere."""
    return np.concatenate([[max(costs[0], share * costs[1])], costs[1:]])


def _beside(restored: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Regions with one that is restored to their left or right."""
    near = np.zeros_like(restored)
    near[:, 1:] |= restored[:, :-1]
    near[:, :-1] |= restored[:, 1:]
    return near


def _labelled(charges: Array) -> npt.NDArray[np.intp]:
    """(rows, columns) labels of the least sum of (label, row, column) charges, none `AMONG` next to `RESTORED`."""
    apart = np.zeros((3, 3, 1))
    apart[RESTORED, AMONG] = apart[AMONG, RESTORED] = math.inf
    _, rows, columns = charges.shape
    least, came = charges[:, :, 0], np.zeros((columns, 3, rows), np.intp)
    for column in range(1, columns):
        ways = least[:, None] + apart
        came[column] = ways.argmin(0)
        least = ways.min(0) + charges[:, :, column]
    labels = np.empty((rows, columns), np.intp)
    labels[:, -1] = least.argmin(0)
    for column in range(columns - 1, 0, -1):
        labels[:, column - 1] = came[column][labels[:, column], np.arange(rows)]
    return labels

"""Which channels to keep: the strongest filters, every hidden width cut to one share of itself."""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import floor

import numpy as np
import numpy.typing as npt

from slsc.errors import BudgetError, ModelError
from slsc.passes.analysis.cost import Cost
from slsc.passes.narrowing import Channels, narrow_share

Keep = npt.NDArray[np.bool_]


def filter_norms(channels: Channels, weights: Mapping[str, npt.NDArray[np.floating]]) -> npt.NDArray[np.float64]:
    """(channels.count,): by class, the sum of the L1 norms of all filters that make a channel of it."""
    norms = np.zeros(channels.count)
    for name, axis in channels.filters:
        weight = np.abs(weights[name]).astype(np.float64)
        norms += np.bincount(
            channels.axes[name, axis],
            weight.sum(tuple(a for a in range(weight.ndim) if a != axis)),
            minlength=channels.count,
        )
    return norms


@dataclass(frozen=True)
class WidthChoice:
    """The choices one ranking of channels leaves: a share of every hidden width.

    Attributes:
        channels: of the network.
        cost: of the whole network.
        norms: importance by class.
    """

    channels: Channels
    cost: Cost
    norms: npt.NDArray[np.float64]

    def keep(self, share: Fraction) -> Keep:
        """The strongest `share` of every width, rounded half up, at least one channel; ties go to the first.

        Growing shares keep growing sets.
        """
        chosen = self.channels.every()
        for classes in self._ranked:
            chosen[classes[max(1, floor(share * len(classes) + Fraction(1, 2))) :]] = False
        return chosen

    def within(self, budget: Fraction) -> tuple[Keep, Fraction]:
        """The largest share of every width whose kept MACs are within `budget`: what it keeps, and its cost.

        Args:
            budget: kept / dense MACs over the prunable layers, at most.

        Raises:
            BudgetError: one channel in every width exceeds it; names the nearest that can be reached; exit code 3.
            ModelError: no channel can be removed.
        """
        self.require_reachable(budget)
        fitting = bisect.bisect_right(self._steps, budget, key=lambda share: self._cost(self.keep(share)))
        chosen = self.keep(self._steps[fitting - 1])
        return chosen, self._cost(chosen)

    def require_reachable(self, budget: Fraction) -> None:
        """Refuse a budget, or a network, as `within` would."""
        if not self.channels.widths:
            why = self.channels.kept[0] if self.channels.kept else "it has no hidden channels"
            raise ModelError("no channel can be removed", why=why, hint="use another --method")
        lowest = self._cost(self.keep(Fraction(0)))
        if budget < lowest:
            why = (
                f"with one channel in every hidden width the layers still cost {float(lowest):.4f} of their dense MACs"
            )
            if self.channels.kept:
                why += f"; channels stay because of {self.channels.kept[0]}"
            nearest = f"{float(lowest) + 5e-5:.4f}"
            hint = f"use --budget {nearest} or more"
            raise BudgetError(f"budget {budget} cannot be reached", why=why, hint=hint, exit_code=3)

    def _cost(self, keep: Keep) -> Fraction:
        return narrow_share(self.cost, self.channels, keep)

    @cached_property
    def _ranked(self) -> tuple[npt.NDArray[np.int64], ...]:
        """The classes of every width, the most important first."""
        widths = (np.array(width.classes) for width in self.channels.widths)
        return tuple(classes[np.argsort(-self.norms[classes], kind="stable")] for classes in widths)

    @cached_property
    def _steps(self) -> Sequence[Fraction]:
        """Every share at which some width gains a channel, ascending, and 0."""
        sizes = {len(width.classes) for width in self.channels.widths}
        return sorted({Fraction(0), *(Fraction(2 * k - 1, 2 * size) for size in sizes for k in range(2, size + 1))})

"""Annealing of the regularisation (SLS, Eq. 7)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Protocol

from slsc.search.sls.settings import Pace, SlsSettings


class Annealing(Protocol):
    """The strength of the cost in the loss.

    Attributes:
        strength: lambda_reg now.
    """

    strength: float

    def follow(self, step: int, fraction: float, share: float) -> None:
        """Before step `step`, counted from 0, with `fraction` of the run over and `share` of the MACs kept."""

    def state_dict(self) -> dict[str, Any]:
        """What to resume from."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave."""


def make_annealing(settings: SlsSettings, strength: float, budget: Fraction) -> Annealing:
    """The annealing of `settings`, beginning at `strength`."""
    if settings.pace is None:
        return SettledAnnealing(settings, strength)
    return PacedAnnealing(settings.pace, strength, float(budget))


class SettledAnnealing:
    """Eq. 7: every K epochs the strength is multiplied by alpha if the pruned rate moved by at most T in between.

    The official code looks at the ratio original / pruned, and at its rise within the last epoch.

    Args:
        settings: alpha, T, K and the epoch; `anneal_every` None keeps the strength as it is.
        strength: to begin with.
    """

    def __init__(self, settings: SlsSettings, strength: float) -> None:
        self._settings, self.strength = settings, strength
        self._share = 1.0

    def follow(self, step: int, fraction: float, share: float) -> None:
        """See `Annealing`."""
        settings = self._settings
        if settings.anneal_every is None or not step or step % settings.epoch:
            return
        epoch = step // settings.epoch
        if epoch % settings.anneal_every == 0:
            moved = self._share - share if settings.rate == "share" else 1 / share - 1 / self._share
            if moved <= settings.settled:
                self.strength *= settings.growth
        if settings.rate == "ratio" or epoch % settings.anneal_every == 0:
            self._share = share

    def state_dict(self) -> dict[str, Any]:
        """See `Annealing`."""
        return {"strength": self.strength, "share": self._share}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Annealing`."""
        self.strength, self._share = state["strength"], state["share"]


class PacedAnnealing:
    """Eq. 7 for runs of any length: T is the pace still needed to meet the budget in time.

    The ratio original / pruned is to rise evenly, which leaves the costly last part of the way the most steps. At the
    end of each period the strength is multiplied by the growth if the ratio rose by less than needed from then on, and
    divided by it if it rose more than twice as fast.

    Args:
        pace: see there.
        strength: to begin with.
        budget: the share to come to.
    """

    def __init__(self, pace: Pace, strength: float, budget: float) -> None:
        self._pace, self.strength, self._goal = pace, strength, 1 / budget
        self._period, self._ratio = 0, 1.0

    def follow(self, step: int, fraction: float, share: float) -> None:
        """See `Annealing`."""
        period, ratio = int(fraction / self._pace.until * self._pace.periods), 1 / share
        if step == 0:
            self._ratio = ratio
        passed = period - self._period
        if not passed:
            return
        moved = (ratio - self._ratio) / passed
        needed = (self._goal - ratio) / max(1, self._pace.periods - period)
        if moved < needed:
            self.strength *= self._pace.growth**passed
        elif moved > 2 * needed:
            self.strength /= self._pace.growth
        self._period, self._ratio = period, ratio

    def state_dict(self) -> dict[str, Any]:
        """See `Annealing`."""
        return {"strength": self.strength, "period": self._period, "ratio": self._ratio}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Annealing`."""
        self.strength, self._period, self._ratio = state["strength"], state["period"], state["ratio"]

"""Annealing of the regularisation (SLS, Eq. 7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slsc.search.sls.settings import SlsSettings


class Annealing:
    """The strength of the cost in the loss: it grows while the network does not shrink.

    Args:
        settings: see `SlsSettings`.

    Attributes:
        strength: lambda_reg now.
    """

    def __init__(self, settings: SlsSettings) -> None:
        self._settings = settings
        self.strength = settings.strength
        self._epochs, self._last = 0, 1.0

    def end_epoch(self, share: float) -> None:
        """An epoch ended with `share` of the MACs kept.

        Every K epochs the strength is multiplied by alpha if the rate moved by at most T within the last epoch. The
        official code lets it grow while the ratio original / pruned rose by less than T.
        """
        settings = self._settings
        moved = abs(share - self._last) if settings.rate == "share" else 1 / share - 1 / self._last
        self._epochs, self._last = self._epochs + 1, share
        if settings.anneal_every and self._epochs % settings.anneal_every == 0 and moved <= settings.settled:
            self.strength *= settings.growth

    def state_dict(self) -> dict[str, Any]:
        """What to resume from."""
        return {"strength": self.strength, "epochs": self._epochs, "last": self._last}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave."""
        self.strength, self._epochs, self._last = state["strength"], state["epochs"], state["last"]

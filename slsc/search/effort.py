"""How long and how a search trains."""

from __future__ import annotations

from dataclasses import dataclass, replace

from slsc.search.sls.settings import SlsSettings
from slsc.trainer.settings import TrainSettings

ROUNDING = 1 / 3
"""Share of the training within a search that training through roundings takes again."""


@dataclass(frozen=True)
class Effort:
    """The training within a search.

    Attributes:
        training: length, batch and learning rate; seed, precision and value range are the search's.
        sls: how `sls` learns N meanwhile.
    """

    training: TrainSettings
    sls: SlsSettings

    @property
    def rounding(self) -> TrainSettings:
        """Training through the roundings of a network in 8 bits, which comes after."""
        return replace(self.training, horizon=self.training.horizon.part(ROUNDING))

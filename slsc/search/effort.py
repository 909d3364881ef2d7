"""How long and how a search trains."""

from __future__ import annotations

from dataclasses import dataclass, replace

from slsc.search.sls.settings import SlsSettings
from slsc.trainer.settings import TrainSettings

ROUNDING = 1 / 4
"""Share of an effort's training that is left to training through roundings, where types of 8 bits follow."""


@dataclass(frozen=True)
class Effort:
    """The training within a search.

    Attributes:
        training: length, batch and learning rate; seed, precision and value range are the search's.
        sls: how `sls` learns N meanwhile.
    """

    training: TrainSettings
    sls: SlsSettings

    def before_rounding(self, lessons: int) -> Effort:
        """The search's own part where `lessons` trainings through roundings follow; all of it where none do."""
        return replace(self, training=_part(self.training, 1 - ROUNDING)) if lessons else self

    def rounding(self, lessons: int) -> TrainSettings:
        """One of `lessons` trainings through roundings of 8 bits, which share what the search leaves."""
        return _part(self.training, ROUNDING / lessons)


def _part(training: TrainSettings, share: float) -> TrainSettings:
    return replace(training, horizon=training.horizon.part(share))

"""How long and how a search trains."""

from __future__ import annotations

from dataclasses import dataclass

from slsc.search.sls.settings import SlsSettings
from slsc.trainer.settings import TrainSettings


@dataclass(frozen=True)
class Effort:
    """The training within a search.

    Attributes:
        training: length, batch and learning rate; seed, precision and value range are the search's.
        sls: how `sls` learns N meanwhile.
    """

    training: TrainSettings
    sls: SlsSettings

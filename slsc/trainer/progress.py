"""Where a run stands, and what listens to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from slsc.trainer.schedule import Horizon


@dataclass(frozen=True)
class RunProgress:
    """How far a run is: optimizer steps done, and seconds they took over all sittings."""

    step: int
    seconds: float


@dataclass(frozen=True)
class LogRow:
    """A line of the log.

    Attributes:
        at: where the run stands.
        learning_rate: of the last step.
        loss: mean task loss, unit range, since the row before.
        score: of the validation, where there was one.
        report: the recipe's columns.
    """

    at: RunProgress
    learning_rate: float
    loss: float
    score: float | None
    report: Mapping[str, float]


class TrainLog(Protocol):
    """What is told of a run."""

    def begin(self, start: RunProgress, horizon: Horizon) -> None:
        """The run begins, or resumes at `start`."""

    def show(self, at: RunProgress, fraction: float, loss: float, report: Mapping[str, float]) -> None:
        """A step is done: `fraction` of the run is over, `loss` is the mean since the last row."""

    def record(self, row: LogRow) -> None:
        """A row is due."""

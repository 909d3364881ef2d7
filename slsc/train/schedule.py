"""How long a training run lasts, and the learning rate along the way."""

from __future__ import annotations

import math
from dataclasses import dataclass

from slsc.errors import UsageError

WARMUP_STEPS = 200
"""Steps over which the learning rate rises linearly from 0: Adam's second moment is unreliable before."""


@dataclass(frozen=True)
class Horizon:
    """The end of a run: a number of steps, or of wall-clock seconds; exactly one of them is given."""

    steps: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.seconds is None):
            raise UsageError("give either a number of steps or a time", hint="use --steps N or --hours H")
        if (self.steps or self.seconds or 0) <= 0:
            raise UsageError("a run must last longer than nothing", hint="use --steps N or --hours H above 0")

    @property
    def total(self) -> float:
        """Length in its own unit, steps or seconds."""
        return float(self.steps if self.steps is not None else self.seconds or 0)

    def position(self, step: int, elapsed: float) -> float:
        """Where the run stands after `step` steps and `elapsed` seconds, in the horizon's own unit, at most `total`."""
        return min(float(step) if self.steps is not None else elapsed, self.total)

    def fraction(self, step: int, elapsed: float) -> float:
        """Part of the run that is over, 0..1."""
        return self.position(step, elapsed) / self.total


def cosine_lr(peak: float, step: int, fraction: float) -> float:
    """Learning rate: linear warm-up over `WARMUP_STEPS` times a cosine from `peak` to 0 (SGDR, ICLR 2017, eq. 5)."""
    return peak * min(1.0, (step + 1) / WARMUP_STEPS) * 0.5 * (1 + math.cos(math.pi * fraction))

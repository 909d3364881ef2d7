"""How long a training run lasts, and the learning rate along the way."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

from slsc.errors import UsageError

WARMUP_STEPS = 200
"""Steps over which the learning rate rises linearly from 0 unless told otherwise: Adam's second moment is unreliable
before."""

SHAPES = ("cosine", "multistep", "constant")


@dataclass(frozen=True)
class Horizon:
    """The end of a run: a number of steps, or of wall-clock seconds; with both, whichever comes first."""

    steps: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.steps is None and self.seconds is None:
            raise UsageError("give a number of steps or a time", hint="use --steps N or --hours H")
        if any(bound is not None and bound <= 0 for bound in (self.steps, self.seconds)):
            raise UsageError("a run must last longer than nothing", hint="use --steps N or --hours H above 0")

    def part(self, share: float) -> Horizon:
        """A horizon so much nearer, one step away at least: parts are together no longer than the whole, if it has a
        step for each."""
        steps = None if self.steps is None else max(1, math.floor(self.steps * share))
        return Horizon(steps, None if self.seconds is None else self.seconds * share)

    def fraction(self, step: int, elapsed: float) -> float:
        """Part of the run that is over after `step` steps and `elapsed` seconds, 0..1."""
        by_steps = step / self.steps if self.steps else 0.0
        by_clock = elapsed / self.seconds if self.seconds else 0.0
        return min(1.0, max(by_steps, by_clock))


@dataclass(frozen=True)
class Schedule:
    """The learning rate along a run.

    Attributes:
        peak: the highest rate.
        shape: "cosine" falls from `peak` to 0 (SGDR, ICLR 2017, eq. 5); "multistep" is multiplied by `factor` at each
            of `milestones`; "constant" stays.
        warmup: steps of linear rise at the beginning.
        milestones: fractions of the run, ascending.
        factor: see above.
    """

    peak: float = 1e-3
    shape: str = SHAPES[0]
    warmup: int = WARMUP_STEPS
    milestones: tuple[float, ...] = ()
    factor: float = 0.5

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise UsageError(f"unknown schedule {self.shape!r}", hint=f"use one of {', '.join(SHAPES)}")
        if not self.peak > 0:
            raise UsageError(f"the learning rate is {self.peak}", hint="use --lr above 0")

    def rate(self, step: int, fraction: float) -> float:
        """The rate of step `step`, counted from 0, when `fraction` of the run is over."""
        rise = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        return self.peak * rise * self._fall(fraction)

    def _fall(self, fraction: float) -> float:
        if self.shape == "cosine":
            return 0.5 * (1 + math.cos(math.pi * fraction))
        return self.factor ** bisect_right(self.milestones, fraction) if self.shape == "multistep" else 1.0

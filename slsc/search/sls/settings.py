"""The choices of an SLS search, and those of the paper, of its code, and for short runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from slsc.errors import UsageError

RATES = ("share", "ratio")
"""What annealing watches: pruned / original MACs (the paper's Eq. 7), or original / pruned (the official code)."""

UNITS = ("mac", "share")
"""What the strength is of: one MAC of a training sample, or all MACs of the prunable layers."""


@dataclass(frozen=True)
class Pace:
    """When a search shall have met its budget, in place of Eq. 7's fixed T and K.

    Attributes:
        until: part of the run by which the budget is to be met, 0..1.
        periods: how often until then the strength is looked at.
        growth: alpha of Eq. 7.
        grace: part of the run that may pass after `until`; if the budget is still unmet then, the units of the lowest
            p leave until it is.
    """

    until: float = 0.4
    periods: int = 40
    growth: float = 1.5
    grace: float = 0.1

    def __post_init__(self) -> None:
        if not (0 < self.until < 1 and self.periods >= 1 and self.growth > 1 and self.grace >= 0):
            raise UsageError("this pace makes no search", why=str(self), hint="0 < until < 1, growth above 1")


@dataclass(frozen=True)
class SlsSettings:
    """How N is learned (SLS, CVPR 2022, sections 3.3 to 3.5). The defaults are the paper's for super-resolution.

    Attributes:
        strength: lambda_reg of Eq. 6 at the start; see `unit`.
        unit: "mac" counts the MACs of one training sample, for a loss in grey levels (0..255), as the paper does;
            "share" their share of the dense ones, for a loss in the unit range, which suits every network and patch.
        threshold: tau of Eq. 3: a unit whose p is above it is kept.
        most: largest value k is used at, 1 in the paper; the official code lets it reach 1.03.
        k_rate: how much faster than the weights k learns: its steps are those of Adam times this.
        project: whether k is also stored within 0..most. Else, as in the official code, one that Adam carries outside
            has no gradient to bring it back.
        ordered: p as the product of all k before it (Eq. 4, priority-ordered pruning); else p = k, unit by unit.
        growth: alpha of Eq. 7.
        settled: T of Eq. 7.
        rate: which of `RATES` must have moved by at most `settled` for the strength to grow.
        anneal_every: K of Eq. 7, in epochs; None keeps the strength as it is.
        epoch: optimizer steps of an epoch.
        refresh_every: steps after which the weights are ranked anew; None ranks them once.
        pace: anneals to meet the budget at a set part of the run instead; None for Eq. 7 as it is.
        fill: whether the budget left over when it is met is spent on the units of the highest p.
    """

    strength: float = 1e-10
    unit: str = UNITS[0]
    threshold: float = 0.5
    most: float = 1.0
    k_rate: float = 1.0
    project: bool = True
    ordered: bool = True
    growth: float = 1.1
    settled: float = 0.1
    rate: str = RATES[0]
    anneal_every: int | None = 2
    epoch: int = 1000
    refresh_every: int | None = 1000
    pace: Pace | None = None
    fill: bool = False

    def __post_init__(self) -> None:
        if self.rate not in RATES or self.unit not in UNITS:
            raise UsageError(
                f"unknown rate {self.rate!r} or unit {self.unit!r}",
                hint=f"rates: {', '.join(RATES)}; units: {', '.join(UNITS)}",
            )
        counts = (self.epoch, *(every for every in (self.anneal_every, self.refresh_every) if every is not None))
        if min(counts) < 1 or not self.strength >= 0 or not self.growth >= 1 or not 0 < self.threshold < 1:
            raise UsageError(
                "these SLS settings make no search", why=str(self), hint="periods and growth are at least 1"
            )


PAPER = SlsSettings()
"""The paper's, for super-resolution; its best period of refreshing is one epoch (Table 3), its text says ten."""

PAPER_DEBLUR = replace(PAPER, strength=1e-12, epoch=131, refresh_every=131)
"""The paper's, for deblurring: 131 steps are an epoch of GOPRO in batches of 16."""

OFFICIAL = replace(PAPER, most=1.03, project=False, growth=1.2, settled=0.2, rate="ratio")
"""What the authors' training script passes to their code."""

OFFICIAL_DEFAULTS = replace(OFFICIAL, settled=0.05)
"""What their code takes when nothing is passed."""

FAST = replace(
    PAPER, strength=1e-3, unit="share", k_rate=8.0, epoch=40, refresh_every=40, pace=Pace(growth=1.25), fill=True
)
"""For runs of minutes: meets every budget within half of the steps or the time, however few. k learns faster than the
weights, as it has as far to go in a thousand steps as the paper's in many thousands: at their rate the cost must drown
the task, and every layer loses alike."""

THOROUGH = replace(FAST, epoch=200, refresh_every=200, pace=Pace(periods=100, growth=1.1))
"""For runs of hours, likewise."""

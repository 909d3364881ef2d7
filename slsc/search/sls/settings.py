"""The choices of an SLS search, and the named sets of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from slsc.errors import UsageError

RATES = ("share", "ratio")
"""What annealing watches: pruned / original MACs (the paper's Eq. 7), or original / pruned (the official code)."""


@dataclass(frozen=True)
class SlsSettings:
    """How N is learned (SLS, CVPR 2022, sections 3.2 and 3.3).

    Attributes:
        strength: lambda_reg of Eq. 6 at the start, for a loss in grey levels (0..255) and MACs of one training sample.
        threshold: tau of Eq. 3: a unit whose p is above it is kept.
        most: largest value k is used at, 1 in the paper; the official code lets it reach 1.03.
        ordered: p as the product of all k before it (Eq. 4, priority-ordered pruning); else p = k, unit by unit.
        growth: alpha of Eq. 7.
        settled: T of Eq. 7.
        rate: which of `RATES` must have moved by at most `settled` for the strength to grow.
        anneal_every: K of Eq. 7, in epochs; None keeps the strength as it is.
        epoch: optimizer steps of an epoch.
        refresh_every: steps after which the weights are ranked anew; None ranks them once.
    """

    strength: float = 1e-10
    threshold: float = 0.5
    most: float = 1.0
    ordered: bool = True
    growth: float = 1.1
    settled: float = 0.1
    rate: str = RATES[0]
    anneal_every: int | None = 2
    epoch: int = 1000
    refresh_every: int | None = 1000

    def __post_init__(self) -> None:
        if self.rate not in RATES:
            raise UsageError(f"unknown rate {self.rate!r}", hint=f"use one of {', '.join(RATES)}")
        counts = (self.epoch, self.anneal_every or 1, self.refresh_every or 1)
        if min(counts) < 1 or not self.strength > 0 or not self.growth >= 1:
            raise UsageError(
                "these SLS settings make no search", why=str(self), hint="periods are at least 1, growth too"
            )


PAPER = SlsSettings()
"""The paper's, for super-resolution; its best period of refreshing is one epoch (Table 3), its text says ten."""

PAPER_DEBLUR = replace(PAPER, strength=1e-12, epoch=131, refresh_every=131)
"""The paper's, for deblurring: 131 steps are an epoch of GOPRO in batches of 16."""

OFFICIAL = replace(PAPER, most=1.03, growth=1.2, settled=0.2, rate="ratio")
"""What the authors' training script passes to their code."""

OFFICIAL_DEFAULTS = replace(OFFICIAL, settled=0.05)
"""What their code takes when nothing is passed."""

PRESETS = {
    "paper": PAPER,
    "paper-deblur": PAPER_DEBLUR,
    "official": OFFICIAL,
    "official-defaults": OFFICIAL_DEFAULTS,
}

EPOCHS_OF_A_SHORT_RUN = 150
"""With the strength growing by a tenth an epoch it covers nine decades in half of them, so that every budget is met."""

WARM = 200.0
"""How much stronger a search begins that starts close to its budget: the strength a search from the dense network has
come to by then."""


def short_run(steps: int, *, warm: bool) -> SlsSettings:
    """Settings that meet the budget in about half of `steps`, however few: the strength grows whatever the rate does.

    Args:
        steps: of the whole run, finetuning included.
        warm: the search starts from a network that was pruned to near the budget.
    """
    epoch = max(1, steps // EPOCHS_OF_A_SHORT_RUN)
    return replace(
        PAPER,
        strength=PAPER.strength * (WARM if warm else 1.0),
        settled=1.0,
        anneal_every=1,
        epoch=epoch,
        refresh_every=max(1, steps // 30),
    )

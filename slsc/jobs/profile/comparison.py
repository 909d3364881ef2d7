"""Whether one runner is faster than another, or the measurement cannot tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST = 0.03
"""Difference below which builds and runs of one and the same network differ: nothing is made of it."""

TAILS = (10, 90)
"""Percentiles of the paired ratios between which they may spread by chance."""


@dataclass(frozen=True)
class Comparison:
    """One runner beside another, round by round.

    Attributes:
        ratio: median of the other's latency / the one's: above 1 where the one is faster.
        low: 10th percentile of the ratios.
        high: 90th percentile.
    """

    ratio: float
    low: float
    high: float

    @property
    def differs(self) -> bool:
        """Whether nearly all rounds agree on which is faster, by more than `LEAST`."""
        return not self.low <= 1 <= self.high and abs(self.ratio - 1) > LEAST

    def in_words(self) -> str:
        """Such as "2.4 x as fast"."""
        if not self.differs:
            return "no difference"
        return f"{self.ratio:.2f} x as fast" if self.ratio > 1 else f"{1 / self.ratio:.2f} x as slow"


def compare(one: Sequence[float], other: Sequence[float]) -> Comparison:
    """Compare latencies of as many rounds, in which both ran one after the other."""
    ratios = np.asarray(other) / np.asarray(one)
    low, high = np.percentile(ratios, TAILS)
    return Comparison(float(np.median(ratios)), float(low), float(high))

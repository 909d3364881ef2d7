"""The N that a layer passes through on its way to fewer weights, and those that are chosen among."""

from __future__ import annotations

STAGE_RATIO = 0.75
"""Each stage keeps about this share of the previous one's N."""


def stage_counts(m: int, last: int, ratio: float = STAGE_RATIO) -> list[int]:
    """N of each stage from below M down to `last`; [M] for a layer that stays dense."""
    counts: list[int] = []
    n = m
    while n > last:
        n = max(last, min(n - 1, round(n * ratio)))
        counts.append(n)
    return counts or [m]

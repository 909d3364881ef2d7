"""What choosing by region is worth beside one engine everywhere: at that engine's cost, and at its quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slsc.jobs.eval.sweep import Point, Sweep

CHOSEN = "budget"
"""Kind of the points that are compared: those chosen by estimates for a budget."""


@dataclass(frozen=True)
class Worth:
    """Choosing by region beside one engine, between points of a sweep on straight lines.

    Attributes:
        engine: its name.
        gain: dB above it at its multiply-accumulates, estimating counted.
        oracle_gain: likewise of a choice by the real errors; None where that has no points around.
        time: where choosing has the engine's quality, its time as a share of the engine's; None where it nowhere has.
        time_by_time: likewise where regions are chosen for a time.
    """

    engine: str
    gain: float
    oracle_gain: float | None
    time: float | None
    time_by_time: float | None

    @property
    def share(self) -> float | None:
        """Share of the oracle's gain; None where that gains nothing."""
        return self.gain / self.oracle_gain if self.oracle_gain and self.oracle_gain > 0 else None


def worth(found: Sweep) -> list[Worth]:
    """Of each engine that has points chosen by estimates at its cost and around it."""
    chosen, oracle = found.of(CHOSEN), found.of("oracle")
    result = []
    for engine in found.of("fixed"):
        height = _between(_costs(chosen), engine.gmacs)
        if height is None or not engine.milliseconds or not engine.gmacs:
            continue
        best = _between(_costs(oracle), engine.gmacs)
        result.append(
            Worth(
                engine.setting,
                height - engine.psnr,
                None if best is None else best - engine.psnr,
                _time(chosen, engine),
                _time(found.of("time"), engine),
            )
        )
    return result


def _time(chosen: Sequence[Point], engine: Point) -> float | None:
    taken = _between([(point.psnr, point.milliseconds or 0.0) for point in chosen], engine.psnr)
    return taken / engine.milliseconds if taken is not None and engine.milliseconds else None


def _costs(points: Sequence[Point]) -> list[tuple[float, float]]:
    return [(point.gmacs, point.psnr) for point in points]


def _between(points: Sequence[tuple[float, float]], at: float) -> float | None:
    """The height at a place of the line through points; None beyond its ends."""
    if not points:
        return None
    places, heights = np.array(sorted(points)).T
    return float(np.interp(at, places, heights)) if places[0] <= at <= places[-1] else None

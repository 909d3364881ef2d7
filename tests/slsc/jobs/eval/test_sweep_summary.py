"""What a sweep says choosing by region is worth."""

from __future__ import annotations

import pytest

from slsc.jobs.eval.sweep import Point, Sweep
from slsc.jobs.eval.sweep_page import markdown
from slsc.jobs.eval.sweep_summary import worth
from slsc.metrics.protocol import Protocol

POINTS = (
    Point("fixed", "bicubic", 0.0, 0.0, 26.0, 10.0),
    Point("fixed", "1-8", 0.125, 3.0, 28.0, 60.0),
    Point("fixed", "1-4", 0.25, 6.0, 29.0, 90.0),
    Point("budget", "0.1", 0.1, 2.0, 27.5, 40.0),
    Point("budget", "0.2", 0.2, 4.0, 28.5, 60.0),
    Point("time", "0.4", 0.1, 2.0, 27.5, 36.0),
    Point("time", "0.6", 0.2, 4.0, 28.5, 54.0),
    Point("oracle", "0.1", 0.1, 2.0, 28.0, None),
    Point("oracle", "0.2", 0.2, 4.0, 28.4, None),
)


def sweep_of(*points: Point) -> Sweep:
    return Sweep("some.slsb", "Set", 1, "native", 1, Protocol("y", 4), points)


def test_engines_are_compared_at_their_cost_and_at_their_quality() -> None:
    (only,) = worth(sweep_of(*POINTS))
    assert only.engine == "1-8"
    assert only.gain == pytest.approx(0.0) and only.oracle_gain == pytest.approx(0.2)
    assert only.time == pytest.approx(50 / 60) and only.time_by_time == pytest.approx(45 / 60)
    assert "| 1-8 | 0.000 | 0.200 | 0 % | 0.83 | 0.75 |" in markdown(sweep_of(*POINTS))


def test_what_cannot_be_compared_is_left_out() -> None:
    assert worth(sweep_of(*POINTS[:3])) == []
    (only,) = worth(sweep_of(*POINTS[:5]))
    assert only.oracle_gain is None and only.share is None and only.time_by_time is None
    assert "At the cost" not in markdown(sweep_of(*POINTS[:3]))

"""Annealing step by step, against tables worked out by hand from Eq. 7 and from the official code."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from slsc.jobs.train.presets import PRESETS
from slsc.search.sls.annealing import PacedAnnealing, SettledAnnealing, make_annealing
from slsc.search.sls.settings import OFFICIAL, OFFICIAL_DEFAULTS, PAPER, Pace, SlsSettings


def follow(settings: SlsSettings, shares: list[float]) -> list[float]:
    """The strength after each epoch, over the strength at the start; `shares` are those at the epochs' ends."""
    annealing = SettledAnnealing(settings, settings.strength)
    found = []
    annealing.follow(0, 0.0, 1.0)
    for epoch, share in enumerate(shares, 1):
        for step in (epoch * settings.epoch - 1, epoch * settings.epoch):
            annealing.follow(step, 0.5, share)
        found.append(annealing.strength / settings.strength)
    return found


def test_paper_table() -> None:
    # Looked at every second epoch: fell by 0.02, 0.30, 0.09 since two epochs before; T = 0.1.
    shares = [0.99, 0.98, 0.80, 0.68, 0.60, 0.59]
    expected = [1, 1.1, 1.1, 1.1, 1.1, 1.1 * 1.1]
    assert follow(PAPER, shares) == pytest.approx(expected)


def test_official_table() -> None:
    # The ratio is 1.0, 1.1, 1.5, 1.6, 2.0, 2.5 at the epochs' ends; looked at every second epoch is its last rise.
    shares = [1 / ratio for ratio in (1.0, 1.1, 1.5, 1.6, 2.0, 2.5)]
    assert follow(OFFICIAL, shares) == pytest.approx([1, 1.2, 1.2, 1.44, 1.44, 1.44])
    assert follow(OFFICIAL_DEFAULTS, shares) == pytest.approx([1, 1, 1, 1, 1, 1])


def test_without_annealing_the_strength_stays() -> None:
    assert follow(replace(PAPER, anneal_every=None), [1.0] * 4) == [1, 1, 1, 1]


def test_official_settings_differ_from_the_papers_where_the_code_does() -> None:
    assert (PAPER.growth, PAPER.settled, PAPER.rate, PAPER.most, PAPER.strength) == (1.1, 0.1, "share", 1.0, 1e-10)
    assert (OFFICIAL.growth, OFFICIAL.settled, OFFICIAL.rate, OFFICIAL.most) == (1.2, 0.2, "ratio", 1.03)
    assert all(chosen.sls.threshold == 0.5 and chosen.sls.ordered for chosen in PRESETS.values())


def test_a_paced_strength_grows_when_late_and_falls_when_early() -> None:
    # Four periods up to half of the run, from ratio 1 to 9: 2 a period are needed.
    annealing = PacedAnnealing(Pace(until=0.5, periods=4, growth=2.0), 1.0, 1 / 9)
    annealing.follow(0, 0.0, 1.0)
    annealing.follow(1, 0.1, 1.0)
    assert annealing.strength == 1
    annealing.follow(2, 0.13, 1.0)  # nothing yet: late
    assert annealing.strength == 2
    annealing.follow(3, 0.26, 1 / 4)  # rose by 3, 2.5 a period are needed: in time
    assert annealing.strength == 2
    annealing.follow(4, 0.38, 1 / 8.5)  # rose by 4.5, half is left: too fast
    assert annealing.strength == 1


def test_periods_that_pass_between_two_steps_count() -> None:
    annealing = PacedAnnealing(Pace(until=0.5, periods=50, growth=2.0), 1.0, 1 / 9)
    annealing.follow(0, 0.0, 1.0)
    annealing.follow(1, 0.05, 1.0)
    assert annealing.strength == 2**5


@pytest.mark.parametrize("name", PRESETS)
def test_state_goes_on_where_it_was(name: str) -> None:
    settings = replace(PRESETS[name].sls, epoch=2)
    steps = [(step, step / 20, 1 - 0.02 * step) for step in range(20)]
    whole, first, second = (make_annealing(settings, 1.0, Fraction(1, 8)) for _ in range(3))
    for at in steps:
        whole.follow(*at)
    for at in steps[:11]:
        first.follow(*at)
    second.load_state_dict(first.state_dict())
    for at in steps[11:]:
        second.follow(*at)
    assert second.state_dict() == whole.state_dict()
    assert whole.strength > 1

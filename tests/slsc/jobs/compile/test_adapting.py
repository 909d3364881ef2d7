"""The estimator's training: it finds what there is to find, and beta keeps its promise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from slsc.jobs.compile.adapting import (
    Measured,
    calibrated_beta,
    cross_judged,
    fit,
    judged,
    ladder_budgets,
    rank_correlation,
)
from slsc.runtime.adaptive.estimator import Quadratic
from slsc.runtime.adaptive.selection import Table, by_beta
from slsc.runtime.bundle.estimators import FEATURES, TERMS

COSTS = np.array([0.0, 0.0625, 0.125, 0.25])


def images(seed: int, count: int = 12) -> list[Measured]:
    """Distances and an error of the dense network that two of the features tell, but for a little noise."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        seen = rng.normal(size=(FEATURES, 5, 6)).astype(np.float32)
        base = 4 + 1.5 * seen[0] + 0.05 * rng.normal(size=(5, 6))
        gain = 0.3 + 0.25 * np.tanh(seen[1])
        distances = np.exp(np.stack([base - gain * k for k in range(len(COSTS))]))
        dense = np.exp(base - 1 + 0.1 * rng.normal(size=(5, 6)))
        # What no network can know is added to what candidates lack.
        errors = np.concatenate([distances + dense * rng.uniform(0.95, 1.05, distances.shape), dense[None]])
        found.append(Measured(seen, errors, distances, np.full((5, 6), 576.0)))
    return found


def test_what_features_tell_is_learned() -> None:
    quality = judged(fit(images(0, 60)), images(1), COSTS, Fraction(1, 8))
    assert quality["rank_correlation"] > 0.95 and abs(quality["bias_db"]) < 0.5
    assert 0.5 * quality["oracle_gain_db"] < quality["gain_db"] <= quality["oracle_gain_db"] + 1e-9


def test_without_truth_distances_are_the_errors() -> None:
    alone = [replace(each, errors=each.distances) for each in images(0, 60)]
    quadratic = fit(alone)
    assert quadratic.weights.shape == (TERMS, len(COSTS))
    quality = judged(quadratic, [replace(each, errors=each.distances) for each in images(1)], COSTS, Fraction(1, 8))
    assert quality["rank_correlation"] > 0.95 and abs(quality["bias_db"]) < 0.5


def test_photos_are_judged_by_what_others_teach(monkeypatch: pytest.MonkeyPatch) -> None:
    crops, taught = images(0, 60), []

    def recorded(others: Sequence[Measured]) -> Quadratic:
        taught.append([index for index, each in enumerate(crops) if all(each is not other for other in others)])
        return fit(others)

    monkeypatch.setattr("slsc.jobs.compile.adapting.fit", recorded)
    quality = cross_judged(crops, COSTS, Fraction(1, 8))
    assert quality["rank_correlation"] > 0.95 and 0 < quality["gain_db"] < quality["oracle_gain_db"]
    assert sorted(index for unseen in taught for index in unseen) == list(range(60))
    # Both crops of a photo, 2 k and 2 k + 1, are unseen together.
    assert all({index ^ 1 for index in unseen} == set(unseen) for unseen in taught)


def test_one_photo_is_judged_by_itself() -> None:
    crops = images(0, 2)
    assert cross_judged(crops, COSTS, Fraction(1, 8)) == judged(fit(crops), crops, COSTS, Fraction(1, 8))


def test_training_twice_gives_the_same_bytes() -> None:
    assert fit(images(3)).to_bytes() == fit(images(3)).to_bytes()


@pytest.mark.parametrize("budget", [0.02, 0.1, 0.2])
def test_beta_keeps_the_average_cost_within_the_budget(budget: float) -> None:
    tables = [Table(each.errors[: len(COSTS)], COSTS, each.pixels) for each in images(2)]
    beta = calibrated_beta(tables, budget)
    spent = np.mean([table.cost(by_beta(table, beta)) for table in tables])
    assert 0.6 * budget < spent <= budget
    assert calibrated_beta(tables, 1.0) == 0


def test_a_ladder_lies_around_one_budget_or_is_what_was_asked_for() -> None:
    eighth, half = Fraction(1, 8), Fraction(1, 2)
    assert ladder_budgets([eighth]) == (eighth, Fraction(1, 4), Fraction(1, 16))
    assert ladder_budgets([Fraction(3, 4)]) == (Fraction(3, 4), Fraction(3, 8))
    assert ladder_budgets([half, eighth]) == (half, eighth)


def test_rank_correlation() -> None:
    rising = np.arange(10.0)
    assert rank_correlation(rising, rising**3) == pytest.approx(1)
    assert rank_correlation(rising, -rising) == pytest.approx(-1)
    assert rank_correlation(rising, np.zeros(10)) == 0

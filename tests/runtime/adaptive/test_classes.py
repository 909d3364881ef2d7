"""Classes of regions: the likeliest, within a budget, and numbers that came through a bundle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from slsc.errors import BundleError, UsageError
from slsc.runtime.adaptive.classes import HIGHEST, Classifier, likeliest, regrets, require_no_errors
from slsc.runtime.adaptive.estimator import Quadratic, by_region
from slsc.runtime.adaptive.selection import Table, by_budget
from slsc.runtime.adaptive.wish import Wish
from slsc.runtime.bundle.estimators import CLASSES, FEATURES, TERMS, EstimatorRecord

RNG = np.random.default_rng(0)
RECORD = EstimatorRecord(
    CLASSES, "estimators/classes.f32", ("1-4", "1-2", "3-4"), False, (24, 24), 0.0, 0.0, 0.5, {}, {}
)


def quadratic() -> Quadratic:
    """More detail asks for a larger class."""
    weights = 0.01 * RNG.standard_normal((TERMS, 3))
    weights[1] = -2, 0, 2
    weights[0, 1] = 1
    return Quadratic(*(each.astype(np.float32) for each in (np.full(FEATURES, 3), np.full(FEATURES, 2), weights)))


def test_the_likeliest_class_is_that_of_the_largest_logit() -> None:
    contrast = np.linspace(0, 1, 170)[None, :, None] ** 3
    numbers, pixels = quadratic(), (RNG.integers(0, 256, (50, 170, 3)) * contrast).astype(np.uint8)
    logits = by_region(numbers, pixels, RECORD.region)
    found = Classifier(RECORD, numbers.to_bytes())(pixels)
    assert found.dense is None and found.candidates.min() == 0
    table = Table(found.candidates, np.array([0.25, 0.5, 0.75]), np.ones(logits.shape[1:]))
    assert np.array_equal(likeliest(table).choice, logits.argmax(0))
    assert len(np.unique(logits.argmax(0))) > 1


def test_a_budget_gives_way_where_classes_are_nearly_as_likely() -> None:
    logits = np.array([[[0.0, 0.0]], [[3.0, 0.1]]])
    table = Table(regrets(logits), np.array([0.25, 0.75]), np.ones((1, 2)))
    assert likeliest(table).choice.tolist() == [[1, 1]]
    assert by_budget(table, 0.5).choice.tolist() == [[1, 0]]


def test_regrets_stay_numbers() -> None:
    logits = np.array([np.inf, np.nan, -np.inf, 3.0], np.float32).reshape(4, 1, 1)
    found = regrets(logits)
    assert np.isfinite(found).all() and found.argmin(0) == 0 and found.max() <= 2 * HIGHEST


@pytest.mark.parametrize("wish", [Wish(beta=0.0), Wish(quality=0.1)])
def test_what_needs_errors_is_refused(wish: Wish) -> None:
    with pytest.raises(UsageError, match="weighs estimated errors"):
        require_no_errors(wish)
    require_no_errors(Wish(budget=0.5))


def test_an_entry_of_another_size_or_without_numbers_is_refused() -> None:
    data = quadratic().to_bytes()
    broken = np.frombuffer(data, "<f4").copy()
    broken[-1] = np.nan
    flat = np.frombuffer(data, "<f4").copy()
    flat[FEATURES] = 0
    for bad in (data[:-4], data + data, broken.tobytes(), flat.tobytes()):
        with pytest.raises(BundleError, match="estimator is malformed"):
            Classifier(RECORD, bad)
    with pytest.raises(BundleError, match="estimator is malformed"):
        Classifier(replace(RECORD, candidates=("1-4", "3-4")), data)

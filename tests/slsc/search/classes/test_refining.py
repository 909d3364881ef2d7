"""The last lesson: regions learn the network that is worth its cost, by their real errors."""

from __future__ import annotations

import numpy as np

from slsc.runtime.adaptive.classes import regrets
from slsc.runtime.adaptive.estimator import Quadratic
from slsc.runtime.adaptive.selection import Table, by_budget
from slsc.runtime.bundle.estimators import FEATURES, TERMS
from slsc.search.classes.refining import refined

COSTS = (0.25, 0.5, 0.75)


def test_regions_get_what_is_worth_its_cost_within_the_average() -> None:
    rng = np.random.default_rng(0)
    hard = rng.random(600) < 0.4
    values = rng.standard_normal((600, FEATURES)) + 2.0 * hard[:, None]
    errors = np.where(hard[:, None], [[9.0, 8.0, 1.0]], [[1.0, 0.9, 0.9]])
    start = Quadratic(*(np.full(shape, fill, np.float32) for shape, fill in ((FEATURES, 0), (FEATURES, 1))), ZEROS)
    found = refined(start, values, errors, np.ones(600), COSTS, 0.45)
    logits = found(values.astype(np.float32)).T[:, None]
    chosen = by_budget(Table(regrets(logits), np.array(COSTS), np.ones((1, 600))), 0.45).choice[0]
    assert (chosen[hard] == 2).mean() > 0.9 and (chosen[~hard] == 0).mean() > 0.9
    assert not start.weights.any()


ZEROS = np.zeros((TERMS, 3), np.float32)

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from slsc.errors import BudgetError, UsageError
from slsc.methods import SPARSE, STARTS
from slsc.search.base import Rules
from slsc.search.effort import Effort
from slsc.search.searcher import Searcher
from slsc.search.sls.settings import FAST, PAPER
from slsc.trainer.schedule import Horizon, Schedule
from slsc.trainer.settings import TrainSettings


@pytest.mark.parametrize("method", ["oneshot", "uniform"])
def test_searcher_serves_several_budgets(upscaler, pairs, io, silent, method: str) -> None:
    searcher = Searcher(upscaler, io, pairs, labelled=False, rules=Rules(16), seed=0, progress=silent)
    shares = [searcher.search(Fraction(1, k), method, None).plan.kept_share for k in (2, 4, 8)]
    assert all(share <= 1 / k for share, k in zip(shares, (2, 4, 8), strict=True))
    assert shares == sorted(shares, reverse=True)
    with pytest.raises(BudgetError):
        searcher.search(Fraction(1, 1000), method, None)
    with pytest.raises(UsageError, match="oneshot, uniform"):
        searcher.search(Fraction(1, 2), "magic", None)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("method", [name for name, method in SPARSE.items() if method.needs_training])
def test_methods_that_learn_their_masks(upscaler, pairs, io, method: str, start: str) -> None:
    seen: list[str] = []
    few = TrainSettings(Horizon(steps=12), batch=1, schedule=Schedule(1e-3, warmup=0))
    searcher = Searcher(
        upscaler, io, pairs, labelled=False, rules=Rules(16), seed=0, progress=lambda stage, *_: seen.append(stage)
    )
    found = searcher.search(Fraction(1, 4), method, Effort(few, FAST), start)
    assert found.plan.method == method and 0.15 < found.plan.kept_share <= 0.25
    for name, mask in found.masks.items():
        assert not np.any(found.weights[name][~mask])
    assert ("learning N" in seen) == (method == "sls") and seen[-1] == "finetuning"
    with pytest.raises(UsageError, match="is training"):
        searcher.search(Fraction(1, 4), method, None, start)


def test_a_budget_that_was_not_met_in_time(upscaler, pairs, io, silent) -> None:
    few = TrainSettings(Horizon(steps=2), batch=1, schedule=Schedule(1e-4, warmup=0))
    searcher = Searcher(upscaler, io, pairs, labelled=True, rules=Rules(16), seed=0, progress=silent)
    with pytest.raises(BudgetError, match="was not met") as caught:
        searcher.search(Fraction(1, 4), "sls", Effort(few, PAPER))
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("method", ["oneshot", "uniform"])
def test_a_budget_of_all_keeps_the_network_and_looks_at_nothing(upscaler, pairs, io, method: str) -> None:
    seen: list[str] = []
    searcher = Searcher(
        upscaler, io, pairs, labelled=False, rules=Rules(16), seed=0, progress=lambda stage, *_: seen.append(stage)
    )
    effort = Effort(TrainSettings(Horizon(steps=2), batch=1, schedule=Schedule(1e-4, warmup=0)), FAST)
    found = searcher.search(Fraction(1), method, effort, "oneshot")
    assert found.plan.kept_share == 1 and found.plan.method == method and not found.weights and not seen
    assert all(mask.all() for mask in found.masks.values())

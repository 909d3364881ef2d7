from __future__ import annotations

from fractions import Fraction

import pytest

from slsc.cli import compile as compile_verb
from slsc.errors import BudgetError, UsageError
from slsc.search import EFFORTS, METHODS, STARTS, Rules, Searcher


@pytest.mark.parametrize("method", ["oneshot", "uniform"])
def test_searcher_serves_several_budgets(upscaler, pairs, io, silent, method: str) -> None:
    searcher = Searcher(upscaler, io, pairs, labelled=False, rules=Rules(16), seed=0, progress=silent)
    shares = [searcher.search(Fraction(1, k), method, "none").plan.kept_share for k in (2, 4, 8)]
    assert all(share <= 1 / k for share, k in zip(shares, (2, 4, 8), strict=True))
    assert shares == sorted(shares, reverse=True)
    with pytest.raises(BudgetError):
        searcher.search(Fraction(1, 1000), method, "none")
    with pytest.raises(UsageError, match="oneshot, uniform"):
        searcher.search(Fraction(1, 2), "magic", "none")


def test_the_command_line_offers_what_there_is() -> None:
    # The command line must not import torch to print its help, so it names them itself.
    assert (compile_verb.METHODS, compile_verb.EFFORTS, compile_verb.STARTS) == (METHODS, EFFORTS, STARTS)

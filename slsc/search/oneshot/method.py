"""The `oneshot` method."""

from __future__ import annotations

from fractions import Fraction

from slsc.search.base import SearchResult
from slsc.search.context import SearchContext
from slsc.search.masked import PruningMethod


class OneShotMethod(PruningMethod):
    """N by measured sensitivity, and weights corrected in closed form, whatever the start."""

    def find(self, context: SearchContext, budget: Fraction, start: str) -> SearchResult:
        """See `SparseMethod.find`."""
        return context.oneshot.prune(budget)

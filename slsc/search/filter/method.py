"""The `filter` method."""

from __future__ import annotations

from fractions import Fraction

from slsc.search.base import SearchResult
from slsc.search.context import SearchContext
from slsc.search.filter.pruning import FilterPruning
from slsc.search.masked import PruningMethod


class FilterMethod(PruningMethod):
    """Whole channels removed, and the rest as it was or fitted to make up for them."""

    reshapes = True

    def require_reachable(self, context: SearchContext, budget: Fraction) -> None:
        """See `SparseMethod.require_reachable`.

        Raises:
            ModelError: no channel can be removed.
        """
        _pruning(context).require_reachable(budget)

    def find(self, context: SearchContext, budget: Fraction, start: str) -> SearchResult:
        """See `SparseMethod.find`."""
        return _pruning(context).prune(budget, context.inputs if start == "oneshot" else None)


def _pruning(context: SearchContext) -> FilterPruning:
    return FilterPruning(context.network, context.rules, context.seed, context.progress)

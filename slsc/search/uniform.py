"""Uniform N:M: one N for all layers. By magnitude and without correction it is the paper's one-shot baseline."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from slsc.passes.weights import weight_values
from slsc.pattern import nm_mask, rank_groups
from slsc.search.base import Rules, SearchNetwork, SearchResult, make_plan
from slsc.search.context import SearchContext
from slsc.search.masked import PruningMethod


class UniformMethod(PruningMethod):
    """The N largest of every group, as they were or fitted in closed form."""

    def find(self, context: SearchContext, budget: Fraction, start: str) -> SearchResult:
        """See `SparseMethod.find`."""
        if start == "oneshot":
            return fit_uniform(context, budget)
        return prune_uniform(context.network, budget, context.rules)


def uniform_keep(network: SearchNetwork, budget: Fraction, m: int) -> dict[str, int]:
    """The largest N that meets the budget in every layer alike.

    Raises:
        BudgetError: even N = 1 exceeds the budget.
    """
    network.require_reachable(budget, m)
    names = [layer.name for layer in network.layers]
    reachable = (n for n in range(m, 0, -1) if network.share(dict.fromkeys(names, n), m) <= budget)
    return dict.fromkeys(names, next(reachable))


def prune_uniform(network: SearchNetwork, budget: Fraction, rules: Rules) -> SearchResult:
    """Keep the N largest magnitudes of every group, with one N for the whole network."""
    keep = uniform_keep(network, budget, rules.m)
    arrays = weight_values(network.model)
    masks, weights = {}, {}
    for name, n in keep.items():
        masks[name] = nm_mask(rank_groups(np.abs(arrays[name]), rules.m, rules.rule), n, rules.m)
        weights[name] = arrays[name] * masks[name]
    return SearchResult(make_plan(network, keep, masks, rules, budget, "uniform"), weights, masks)


def fit_uniform(context: SearchContext, budget: Fraction) -> SearchResult:
    """One N for the whole network, which weights are kept and their values in closed form."""
    return context.oneshot.prune_to(uniform_keep(context.network, budget, context.rules.m), budget, "uniform")

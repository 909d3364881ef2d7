"""Uniform N:M by magnitude: one N for all layers, no correction. The paper's one-shot baseline before finetuning."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from slsc.passes.weights import weight_values
from slsc.pattern import nm_mask, rank_groups
from slsc.search.base import Network, Rules, SearchResult, make_plan


def uniform_keep(network: Network, budget: Fraction, m: int) -> dict[str, int]:
    """The largest N that meets the budget in every layer alike.

    Raises:
        BudgetError: even N = 1 exceeds the budget.
    """
    network.require_reachable(budget, m)
    names = [layer.name for layer in network.layers]
    reachable = (n for n in range(m, 0, -1) if network.share(dict.fromkeys(names, n), m) <= budget)
    return dict.fromkeys(names, next(reachable))


def prune_uniform(network: Network, budget: Fraction, rules: Rules) -> SearchResult:
    """Keep the N largest magnitudes of every group, with one N for the whole network."""
    keep = uniform_keep(network, budget, rules.m)
    arrays = weight_values(network.model)
    masks, weights = {}, {}
    for name, n in keep.items():
        masks[name] = nm_mask(rank_groups(np.abs(arrays[name]), rules.m, rules.rule), n, rules.m)
        weights[name] = arrays[name] * masks[name]
    return SearchResult(make_plan(network, keep, masks, rules, budget, "uniform"), weights, masks)

"""The recipe of each method: what it trains, from where it starts, and the plan it ends with."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Protocol

from slsc.onnx_torch import OnnxModule
from slsc.search.base import Rules, SearchNetwork, SearchResult
from slsc.search.masked import load_weights
from slsc.search.sls.network import GatedNetwork
from slsc.search.sls.recipe import SlsRecipe
from slsc.search.sls.settings import SlsSettings
from slsc.search.srste import SrSteNetwork, SrSteRecipe
from slsc.search.uniform import uniform_keep
from slsc.trainer.recipe import Recipe

LEARNED = ("sls", "sr-ste")
"""Methods whose masks are learned along with the weights; the others prune first and then train what is left."""

LOOSER = Fraction(5, 4)
"""A search by `sls` that starts pruned starts at so many times its budget. What it then removes has no correction in
closed form: public RFDN at 1/8 came to 28.01, 27.92 and 27.82 dB on Set14 in 1500 steps from 5/4, 3/2 and 2."""

Prune = Callable[[Fraction, str, str], SearchResult]
"""(budget, method, start) to what is found without training."""


class SparseRecipe(Recipe, Protocol):
    """A recipe that ends with a plan."""

    def result(self) -> SearchResult:
        """Plan, weights and masks.

        Raises:
            BudgetError: the budget was not met; says how far it came; exit code 3.
        """


def learned_recipe(
    method: str,
    network: SearchNetwork,
    module: OnnxModule,
    budget: Fraction,
    rules: Rules,
    settings: SlsSettings,
    sample_pixels: int,
    prune: Prune | None,
) -> SparseRecipe:
    """The recipe of a method of `LEARNED`.

    Args:
        method: "sls" or "sr-ste".
        network: the dense network.
        module: of the same network; trained in place.
        budget: kept / dense MACs over the prunable layers, at most.
        rules: group size and mask rule.
        settings: of `sls`.
        sample_pixels: input pixels of one training sample.
        prune: makes weights (and, for `sls`, N by layer) in closed form to start from; None starts from the dense ones.

    Raises:
        BudgetError: N = 1 in every layer exceeds the budget.
    """
    keep = None
    if prune is not None:
        sls = method == "sls"
        start = prune(min(Fraction(1), LOOSER * budget) if sls else budget, "oneshot" if sls else "uniform", "oneshot")
        load_weights(module, start.weights)
        keep = {layer.name: layer.n for layer in start.plan.layers}
    if method == "sls":
        gated = GatedNetwork(network, module, rules, settings, keep)
        return SlsRecipe(network, gated, budget, rules, settings, sample_pixels)
    gate = SrSteNetwork(module, uniform_keep(network, budget, rules.m), rules)
    return SrSteRecipe(network, gate, budget, rules)

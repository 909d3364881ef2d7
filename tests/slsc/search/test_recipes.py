from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from slsc.errors import BudgetError
from slsc.onnx_torch import OnnxModule
from slsc.search.base import Rules, SearchNetwork
from slsc.search.recipes import LOOSER, learned_recipe
from slsc.search.searcher import Searcher
from slsc.search.sls.recipe import SlsRecipe
from slsc.search.sls.settings import FAST
from slsc.search.srste import SrSteRecipe

BUDGET, RULES = Fraction(1, 4), Rules(8)


@pytest.fixture
def searcher(upscaler, pairs, io, silent) -> Searcher:
    return Searcher(upscaler, io, pairs, labelled=False, rules=RULES, seed=0, progress=silent)


def made(network: SearchNetwork, method: str, searcher: Searcher | None, budget: Fraction = BUDGET):
    def prune(budget: Fraction, method: str, start: str):
        assert searcher is not None
        return searcher.search(budget, method, "none", start)

    chosen = None if searcher is None else prune
    return learned_recipe(method, network, OnnxModule(network.model), budget, RULES, FAST, 256, chosen)


def test_sls_starts_pruned_at_a_looser_budget(network: SearchNetwork, searcher: Searcher) -> None:
    recipe = made(network, "sls", searcher)
    assert isinstance(recipe, SlsRecipe)
    wanted = searcher.search(LOOSER * BUDGET, "oneshot", "none")
    assert recipe.module.keep() == {layer.name: layer.n for layer in wanted.plan.layers}
    assert BUDGET < recipe.module.exact_share() <= LOOSER * BUDGET
    for name, mask in recipe.module.masks().items():
        np.testing.assert_array_equal(mask, wanted.masks[name])
        np.testing.assert_array_equal(recipe.module.network.parameter(name).detach().numpy(), wanted.weights[name])


def test_sls_starts_dense_where_the_looser_budget_is_all(network: SearchNetwork, searcher: Searcher) -> None:
    recipe = made(network, "sls", searcher, 1 / LOOSER)
    assert recipe.report()["share"] == 1


def test_sr_ste_starts_at_its_own_n(network: SearchNetwork, searcher: Searcher) -> None:
    recipe = made(network, "sr-ste", searcher)
    assert isinstance(recipe, SrSteRecipe)
    wanted = searcher.search(BUDGET, "uniform", "none", "oneshot")
    assert recipe.module.keep == {layer.name: layer.n for layer in wanted.plan.layers}
    for name, mask in recipe.result().masks.items():
        np.testing.assert_array_equal(mask, wanted.masks[name])


@pytest.mark.parametrize("method", ["sls", "sr-ste"])
def test_dense_starts_leave_the_weights_alone(network: SearchNetwork, method: str) -> None:
    recipe = made(network, method, None)
    for parameter, other in zip(
        recipe.module.network.parameters(), OnnxModule(network.model).parameters(), strict=True
    ):
        np.testing.assert_array_equal(parameter.detach().numpy(), other.detach().numpy())
    with pytest.raises(BudgetError):
        made(network, method, None, Fraction(1, 1000))


def test_the_settings_are_those_given(network: SearchNetwork) -> None:
    slow = replace(FAST, strength=0.5)
    recipe = learned_recipe("sls", network, OnnxModule(network.model), BUDGET, RULES, slow, 256, None)
    assert recipe.report() == {"share": 1.0, "lambda": 0.5}

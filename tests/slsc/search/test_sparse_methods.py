"""What each sparse method begins with, and the recipe it makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from slsc.errors import BudgetError
from slsc.methods import SPARSE
from slsc.onnx_torch import OnnxModule
from slsc.search.base import Rules, SearchNetwork
from slsc.search.context import SearchContext
from slsc.search.inputs import PatchSource
from slsc.search.method import SparseRecipe, SparseTask
from slsc.search.sls.method import LOOSER
from slsc.search.sls.recipe import SlsRecipe
from slsc.search.sls.settings import FAST, SlsSettings
from slsc.search.sparse_methods import SPARSE_METHODS
from slsc.search.srste import SrSteRecipe

BUDGET, RULES = Fraction(1, 4), Rules(8)
LEARNING = [name for name, method in SPARSE.items() if method.needs_training]
Make = Callable[..., SparseRecipe]


@pytest.fixture
def context(network: SearchNetwork, pairs, io, silent) -> SearchContext:
    return SearchContext(network, PatchSource(pairs, io), RULES, 0, silent)


@pytest.fixture
def make(network: SearchNetwork, context: SearchContext) -> Make:
    """Makes the recipe of a method at its first step."""

    def made(method: str, start: str, budget: Fraction = BUDGET, sls: SlsSettings = FAST) -> SparseRecipe:
        found = SPARSE_METHODS[method].find(context, budget, start)
        module = OnnxModule(network.model if found is None or found.model is None else found.model)
        return SPARSE_METHODS[method].recipe(SparseTask(network, budget, RULES, 256, sls, 1.0), module, found)

    return made


@pytest.mark.parametrize("name", SPARSE)
def test_what_is_found_without_training_is_within_the_budget(context: SearchContext, name: str) -> None:
    method = SPARSE_METHODS[name]
    method.require_reachable(context, BUDGET)
    for start in SPARSE[name].starts or ("oneshot",):
        found = method.find(context, BUDGET, start)
        if SPARSE[name].needs_training:
            assert (found is None) == (start == "dense")
        else:
            assert found is not None and found.plan.method == name and 0.1 < found.plan.kept_share <= BUDGET
            assert (found.model is not None) == method.reshapes
    with pytest.raises(BudgetError, match="--budget"):
        method.require_reachable(context, Fraction(1, 1000))


def test_sls_starts_pruned_at_a_looser_budget(make: Make, context: SearchContext) -> None:
    recipe = make("sls", "oneshot")
    assert isinstance(recipe, SlsRecipe)
    wanted = SPARSE_METHODS["oneshot"].find(context, LOOSER * BUDGET, "oneshot")
    assert wanted is not None
    assert recipe.module.keep() == {layer.name: layer.n for layer in wanted.plan.layers}
    assert BUDGET < recipe.module.exact_share() <= LOOSER * BUDGET
    for name, mask in recipe.module.masks().items():
        np.testing.assert_array_equal(mask, wanted.masks[name])
        np.testing.assert_array_equal(recipe.module.network.parameter(name).detach().numpy(), wanted.weights[name])


def test_sls_starts_dense_where_the_looser_budget_is_all(make: Make) -> None:
    assert make("sls", "oneshot", 1 / LOOSER).report()["share"] == 1


def test_sr_ste_starts_at_its_own_n(make: Make, context: SearchContext) -> None:
    recipe = make("sr-ste", "oneshot")
    assert isinstance(recipe, SrSteRecipe)
    wanted = SPARSE_METHODS["uniform"].find(context, BUDGET, "oneshot")
    assert wanted is not None
    assert recipe.module.keep == {layer.name: layer.n for layer in wanted.plan.layers}
    for name, mask in recipe.result().masks.items():
        np.testing.assert_array_equal(mask, wanted.masks[name])


@pytest.mark.parametrize("method", LEARNING)
def test_dense_starts_leave_the_weights_alone(make: Make, network: SearchNetwork, method: str) -> None:
    recipe, dense = make(method, "dense"), OnnxModule(network.model)
    trained = dict(recipe.module.named_parameters())
    for name, parameter in dense.named_parameters():
        np.testing.assert_array_equal(trained[f"network.{name}"].detach().numpy(), parameter.detach().numpy())
    with pytest.raises(BudgetError):
        make(method, "dense", Fraction(1, 1000))


def test_the_settings_are_those_given(make: Make) -> None:
    assert make("sls", "dense", sls=replace(FAST, strength=0.5)).report() == {"share": 1.0, "lambda": 0.5}

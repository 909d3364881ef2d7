"""Several networks in one set of weights: masks within masks, what each learns, and what comes of it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from slsc.errors import PlanError, UsageError
from slsc.onnx_torch import OnnxModule
from slsc.passes.bake import BakeMasks
from slsc.passes.base import PassContext
from slsc.passes.pipeline import Pipeline
from slsc.pattern import nm_mask, rank_groups
from slsc.plan import LayerPlan, Plan
from slsc.search.base import Rules, SearchNetwork
from slsc.search.method import SparseTask
from slsc.search.nested import NestedMethod, NestedNetwork, NestedRecipe
from slsc.search.sls.settings import FAST
from slsc.search.uniform import uniform_keep

BUDGETS, RULES = (Fraction(1, 8), Fraction(1, 4), Fraction(1, 2), Fraction(1)), Rules(8)


def recipe_for(network: SearchNetwork, budgets: tuple[Fraction, ...] = BUDGETS, rules: Rules = RULES) -> NestedRecipe:
    *within, budget = budgets
    task = SparseTask(network, budget, rules, 256, FAST, 1.0, tuple(within))
    return NestedMethod().recipe(task, OnnxModule(network.model), None)


@pytest.mark.parametrize("rules", [RULES, Rules(8, "magnitude+2:4")])
def test_every_mask_lies_within_the_next(network: SearchNetwork, rules: Rules) -> None:
    module = recipe_for(network, rules=rules).module
    masks = [module.masks(index) for index in range(len(BUDGETS))]
    for smaller, larger in itertools.pairwise(masks):
        for name, mask in smaller.items():
            assert not (mask & ~larger[name]).any() and mask.sum() < larger[name].sum()


def test_evaluation_shows_the_smallest(network: SearchNetwork) -> None:
    module = recipe_for(network).module.eval()
    x = torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    plain = OnnxModule(network.model)
    with torch.no_grad():
        for name, mask in module.masks(0).items():
            plain.parameter(name).mul_(mask)
        torch.testing.assert_close(module(x), plain(x))


def test_the_largest_is_not_drawn_to_the_smaller(network: SearchNetwork) -> None:
    """At budget 1 the pass puts out the dense network's image, and distillation sends no gradient into that image."""
    module = recipe_for(network).module.train()
    x = torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(module(x), OnnxModule(network.model)(x))
    assert module.disagreement is not None
    module.disagreement.backward()
    largest = module.masks(max(0, module.between))
    for name, mask in largest.items():
        gradient = module.network.parameter(name).grad
        assert gradient is not None and not gradient[~(mask | module.masks(0)[name])].any()


def test_training_brings_the_smaller_nearer_to_the_largest(network: SearchNetwork) -> None:
    recipe = recipe_for(network)
    module = recipe.module.train()
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3)
    x = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    target = OnnxModule(network.model)(x).detach()
    told = []
    for step in range(60):
        recipe.begin_step(step, step / 60)
        loss = (module(x) - target).abs().mean()
        penalty = recipe.penalty()
        assert penalty is not None
        told.append(float(penalty.detach()))
        optimizer.zero_grad()
        (loss + penalty).backward()
        optimizer.step()
    assert np.mean(told[-10:]) < 0.7 * np.mean(told[:10])


def test_the_result_holds_every_network(network: SearchNetwork) -> None:
    found = recipe_for(network, BUDGETS[:3]).result()
    plans = (*found.nested, found.plan)
    assert [plan.budget for plan in plans] == ["1/8", "1/4", "1/2"]
    assert all(plan.kept_share <= budget for plan, budget in zip(plans, BUDGETS, strict=False))
    Pipeline([BakeMasks(found.plan, found.weights, found.masks)]).run(network.model, PassContext())
    for plan in plans:
        keep = uniform_keep(network, Fraction(plan.budget), RULES.m)
        for layer in plan.layers:
            mask = nm_mask(rank_groups(np.abs(found.weights[layer.name]), 8, RULES.rule), keep[layer.name], 8)
            assert np.array_equal(mask & (found.weights[layer.name] != 0), mask)


def test_every_step_draws_the_same_network_again(network: SearchNetwork) -> None:
    recipe = recipe_for(network)
    drawn = []
    for _ in range(2):
        for step in range(20):
            recipe.begin_step(step, 0.0)
            drawn.append(recipe.module.between)
    assert drawn[:20] == drawn[20:] and set(drawn) == {1, 2}


def test_budgets_of_one_network_are_refused(network: SearchNetwork) -> None:
    with pytest.raises(UsageError, match="the same network"):
        recipe_for(network, (Fraction(1, 4), Fraction(26, 100)))


def test_two_networks_need_none_between(network: SearchNetwork) -> None:
    recipe = recipe_for(network, (Fraction(1, 4), Fraction(1)))
    recipe.begin_step(3, 0.0)
    assert isinstance(recipe.module, NestedNetwork) and recipe.module.between == 0


def test_plans_give_every_layer_its_own_n(network: SearchNetwork) -> None:
    names = [layer.name for layer in network.layers]
    chosen = [(2, 3, 1), (5, 2, 4), (6, 6, 8)]
    plans = tuple(
        Plan(
            tuple(LayerPlan(name, n, 8, "magnitude", "a" * 64) for name, n in zip(names, each, strict=False)),
            b,
            0.5,
            "sls",
        )
        for b, each in zip(("1/8", "1/4", "1/2"), chosen, strict=True)
    )
    task = SparseTask(network, BUDGETS[2], RULES, 256, FAST, 1.0, BUDGETS[:2], plans)
    recipe = NestedMethod().recipe(task, OnnxModule(network.model), None)
    keeps = [[keep[name] for name in names] for keep in recipe.module.keeps]
    assert keeps == [[2, 2, 1], [5, 2, 4], [6, 6, 8]]
    for plan in (
        replace(plans[0], layers=plans[0].layers[1:]),
        replace(plans[0], layers=(*plans[0].layers[:-1], OTHER)),
    ):
        with pytest.raises(PlanError, match="of another network"):
            NestedMethod().recipe(replace(task, plans=(plan, *plans[1:])), OnnxModule(network.model), None)
    with pytest.raises(PlanError, match="--m"):
        NestedMethod().recipe(replace(task, rules=Rules(16)), OnnxModule(network.model), None)


OTHER = LayerPlan("elsewhere", 1, 8, "magnitude", "a" * 64)

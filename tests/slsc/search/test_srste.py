from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from slsc.onnx_torch import OnnxModule
from slsc.passes.bake import BakeMasks
from slsc.passes.base import PassContext
from slsc.passes.pipeline import Pipeline
from slsc.pattern import nm_mask, rank_groups
from slsc.search.base import Rules, SearchNetwork
from slsc.search.srste import DECAY, GREY_LEVELS, SrSteNetwork, SrSteRecipe
from slsc.search.uniform import uniform_keep

BUDGET, RULES = Fraction(1, 4), Rules(8)


@pytest.fixture
def module(network: SearchNetwork) -> SrSteNetwork:
    return SrSteNetwork(OnnxModule(network.model), uniform_keep(network, BUDGET, 8), RULES)


@pytest.mark.parametrize("rules", [RULES, Rules(8, "magnitude+2:4")])
def test_masks_follow_the_weights_at_every_pass(network: SearchNetwork, rules: Rules) -> None:
    module = SrSteNetwork(OnnxModule(network.model), uniform_keep(network, BUDGET, 8), rules)
    for name, n in module.keep.items():
        weight = module.network.parameter(name)
        with torch.no_grad():
            weight.copy_(weight.flip(1))
        expected = nm_mask(rank_groups(np.abs(weight.detach().numpy()), 8, rules.rule), n, 8)
        np.testing.assert_array_equal(module.masks()[name].numpy(), expected)


def test_every_weight_gets_the_masked_gradient_and_pruned_ones_decay(
    module: SrSteNetwork, network: SearchNetwork
) -> None:
    x = torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    module(x).square().mean().backward()
    plain, masks = OnnxModule(network.model), module.masks()
    with torch.no_grad():
        for name, mask in masks.items():
            plain.parameter(name).mul_(mask)
    plain(x).square().mean().backward()
    for name, mask in masks.items():
        weight, gradient = module.network.parameter(name), plain.parameter(name).grad
        assert gradient is not None and gradient[~mask].any()
        expected = gradient + DECAY / GREY_LEVELS * weight.detach() * ~mask
        torch.testing.assert_close(weight.grad, expected, rtol=1e-4, atol=1e-9)


def test_the_result_is_what_was_trained_and_bakes(module: SrSteNetwork, network: SearchNetwork) -> None:
    recipe = SrSteRecipe(network, module, BUDGET, RULES)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.rand(parameter.shape, generator=torch.Generator().manual_seed(1)), alpha=0.05)
    found = recipe.result()
    assert found.plan.method == "sr-ste" and found.plan.kept_share <= BUDGET
    assert recipe.report() == {"share": found.plan.kept_share}
    baked = Pipeline([BakeMasks(found.plan, found.weights, found.masks)]).run(network.model, PassContext()).model
    x = torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(OnnxModule(baked)(x), module(x))

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from slsc.errors import BudgetError
from slsc.onnx_torch import OnnxModule
from slsc.passes import verify
from slsc.passes.analysis.cost import costs
from slsc.passes.narrowing import narrow_cost
from slsc.search.base import Rules
from slsc.search.filter import FilterPruning


def distance(network, model, x: torch.Tensor) -> float:
    whole, narrow = verify.session(network.model), verify.session(model)
    return float(np.abs(verify.run(whole, x.numpy()) - verify.run(narrow, x.numpy())).mean())


def test_the_result_is_a_narrower_network_within_the_budget(trunk, silent) -> None:
    network = trunk()
    pruning = FilterPruning(network, Rules(8), 0, silent)
    for budget in (Fraction(1, 2), Fraction(1, 4)):
        found = pruning.prune(budget, None)
        left = narrow_cost(network.cost, costs(found.model, (64, 64)))
        assert 0.5 * budget < left.share <= budget
        assert (found.plan.kept_share, found.plan.budget, found.plan.method) == (left.share, str(budget), "filter")
        assert all(layer.n == layer.m == 8 for layer in found.plan.layers)
        assert all(found.masks[layer.name].all() for layer in found.plan.layers)
        OnnxModule(found.model)(torch.rand(1, 3, 20, 20))
    with pytest.raises(BudgetError):
        pruning.require_reachable(Fraction(1, 10_000))


def test_the_whole_budget_keeps_the_whole_network(trunk, silent) -> None:
    network = trunk()
    found = FilterPruning(network, Rules(), 0, silent).prune(Fraction(1), None)
    assert distance(network, found.model, torch.rand(1, 3, 20, 20)) < 1e-5


def test_the_refit_comes_nearer_to_the_whole_network(trunk, silent) -> None:
    network = trunk()
    pruning = FilterPruning(network, Rules(), 0, silent)
    generator = torch.Generator().manual_seed(0)
    inputs, unseen = (torch.rand(4, 3, 32, 32, generator=generator) for _ in range(2))
    plain, fitted = (pruning.prune(Fraction(1, 4), x).model for x in (None, inputs))
    assert distance(network, fitted, unseen) < 0.5 * distance(network, plain, unseen)
    shapes = [{tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer} for model in (plain, fitted)]
    assert shapes[0] == shapes[1]


def test_the_same_seed_fits_the_same_weights(trunk, silent) -> None:
    inputs = torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(1))
    one, other = (FilterPruning(trunk(), Rules(), 3, silent).prune(Fraction(1, 3), inputs).model for _ in range(2))
    assert one == other

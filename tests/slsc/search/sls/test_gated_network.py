from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import onnx
import pytest
import torch

from slsc.onnx_torch import OnnxModule
from slsc.passes.analysis.cost import plan_cost
from slsc.pattern import nm_mask, rank_groups
from slsc.search.base import Rules, SearchNetwork
from slsc.search.sls.gates import start_of
from slsc.search.sls.network import GatedNetwork
from slsc.search.sls.settings import PAPER, SlsSettings
from slsc.zoo import zoo_model
from slsc.zoo.export import to_onnx

RULES = Rules(8)
FIGURE_6 = [
    *(14, 13, 15, 16, 15, 16, 9, 10, 15, 14, 12, 10, 14, 10, 12, 9, 10, 10, 6, 9, 5, 7, 7, 12, 9, 10, 8, 10, 9, 7, 9),
    *(8, 10, 9, 9, 11, 6, 3, 6, 5, 11, 9, 10, 9, 6, 3, 4, 2, 4, 16, 2, 3, 2, 2, 4, 1, 2, 3, 1, 2, 3, 2, 3),
]
"""N of RFDN's layers at a budget of 1/8, in the order of their MACs: read off the paper's figure."""


def gated(network: SearchNetwork, settings: SlsSettings = PAPER, rules: Rules = RULES) -> GatedNetwork:
    return GatedNetwork(network, OnnxModule(network.model), rules, settings)


def set_n(module: GatedNetwork, keep: dict[str, int], m: int) -> None:
    with torch.no_grad():
        module.k.copy_(torch.stack([start_of(keep[name], m) for name in module.names]))


@pytest.fixture(scope="module")
def rfdn64() -> SearchNetwork:
    model = to_onnx(zoo_model("rfdn64_x4").build())
    return SearchNetwork.of(model)


def test_figure_6_through_the_differentiable_cost(rfdn64: SearchNetwork) -> None:
    prunable = sorted((layer for layer in rfdn64.cost.layers if layer.prunable), key=lambda layer: layer.macs)
    keep = {layer.name: n for layer, n in zip(prunable, FIGURE_6, strict=True)}
    module = gated(rfdn64, rules=Rules(32))
    set_n(module, keep, 32)
    assert module.keep() == keep
    planned = plan_cost(rfdn64.cost, keep, 32)
    assert planned.prunable_weights == 133_120 and planned.params == 137_648
    assert round(planned.prunable_macs / 1e9, 4) == 4.8452
    assert module.exact_share() == planned.share
    assert float(module.share().detach()) == pytest.approx(float(planned.share), rel=1e-6)
    assert sum(int(mask.sum()) for mask in module.masks().values()) == 133_120


def test_with_all_k_at_one_it_is_the_dense_network(network: SearchNetwork) -> None:
    module, dense = gated(network), OnnxModule(network.model)
    x = torch.rand(2, 3, 12, 14, generator=torch.Generator().manual_seed(0))
    assert torch.equal(module(x), dense(x))
    assert set(module.keep().values()) == {8} and module.exact_share() == 1


def test_a_first_k_below_the_threshold_leaves_one_weight_a_group(network: SearchNetwork) -> None:
    module = gated(network)
    with torch.no_grad():
        module.k[:, 0] = 0.4
    assert set(module.keep().values()) == {1}
    assert module.exact_share() == network.lowest_share(8)


def test_forward_is_the_masked_network(network: SearchNetwork) -> None:
    module, plain = gated(network), OnnxModule(network.model)
    keep = {name: 2 + index for index, name in enumerate(module.names)}
    set_n(module, keep, 8)
    masks = module.masks()
    with torch.no_grad():
        for name, mask in masks.items():
            weight = plain.parameter(name)
            np.testing.assert_array_equal(mask, nm_mask(rank_groups(np.abs(weight.numpy()), 8), keep[name], 8))
            weight *= torch.from_numpy(mask)
    x = torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(module(x), plain(x))


def test_gradients_of_weights_stop_at_closed_gates_and_reach_every_k(network: SearchNetwork) -> None:
    module = gated(network)
    with torch.no_grad():
        module.k.fill_(0.5 ** (1 / 2.5))  # p_3 half a unit above the threshold
    assert set(module.keep().values()) == {3}
    module(torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(0))).square().mean().backward()
    for name, mask in module.masks().items():
        gradient = module.network.parameter(name).grad
        assert gradient is not None and not gradient[~torch.from_numpy(mask)].any() and gradient.any()
    assert module.k.grad is not None and (module.k.grad != 0).all()


def test_a_gate_learns_what_its_unit_does_to_the_loss(network: SearchNetwork) -> None:
    """The straight-through gradient of b against the loss with one unit scaled by hand."""
    module = gated(network)
    x = torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    module.double()
    with torch.no_grad():
        module.k[0, 3] = 0.9
    loss = module(x).square().mean()
    loss.backward()
    name, step = module.names[0], 1e-6
    weight = module.network.parameter(name)
    slots = module.get_buffer("slots_0")
    expected = 0.0
    for unit in range(4, 8):
        changed = weight.detach() * (1 + step * (slots == unit).double())
        with torch.no_grad():
            moved = OnnxModule(network.model).double()(x, {name: changed}).square().mean()
        expected += float(moved - loss.detach()) / step  # dp_i / dk_3 is 1 for every later unit
    assert module.k.grad is not None
    assert float(module.k.grad[0, 3]) == pytest.approx(expected, rel=1e-3)


def test_units_are_formed_anew_only_when_asked(network: SearchNetwork) -> None:
    module = gated(network)
    set_n(module, dict.fromkeys(module.names, 4), 8)
    before, name = module.masks(), module.names[0]
    with torch.no_grad():
        weight = module.network.parameter(name)
        weight.copy_(weight.flip(1) * 2)
    np.testing.assert_array_equal(module.masks()[name], before[name])
    module.rank()
    expected = nm_mask(rank_groups(np.abs(weight.detach().numpy()), 8), 4, 8)
    np.testing.assert_array_equal(module.masks()[name], expected)
    assert not np.array_equal(expected, before[name])


def test_frozen_gates_neither_move_nor_learn(network: SearchNetwork) -> None:
    module = gated(network)
    set_n(module, dict.fromkeys(module.names, 4), 8)
    module.freeze()
    with torch.no_grad():
        module.k.zero_()
    assert set(module.keep().values()) == {4} and not module.k.requires_grad
    module(torch.rand(1, 3, 9, 9)).mean().backward()
    assert module.k.grad is None
    other = gated(network)
    other.load_state_dict(module.state_dict())
    assert other.keep() == module.keep() and not other.k.requires_grad


@pytest.mark.parametrize("ordered", [True, False])
def test_short_groups_cost_what_the_plan_says(build: Callable[..., onnx.ModelProto], ordered: bool) -> None:
    model = build([("image", "head", 3, 13), ("head", "body", 13, 11), ("body", "restored", 11, 3)], [], 3)
    network = SearchNetwork.of(model, (16, 16))
    module = gated(network, replace(PAPER, ordered=ordered))
    generator = torch.Generator().manual_seed(1)
    for _ in range(20):
        with torch.no_grad():
            module.k.copy_(torch.rand(module.k.shape, generator=generator))
        planned = plan_cost(network.cost, module.keep(), 8)
        assert module.exact_share() == planned.share
        assert float(module.share().detach()) == pytest.approx(float(planned.share), rel=1e-6)
        assert sum(int(mask.sum()) for mask in module.masks().values()) == planned.prunable_weights


def test_filling_uses_the_budget_up(network: SearchNetwork) -> None:
    module = gated(network)
    module.fill(Fraction(1, 3))
    assert Fraction(1, 4) < module.exact_share() <= Fraction(1, 3) and bool(module.frozen)

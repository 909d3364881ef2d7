from __future__ import annotations

import copy
from fractions import Fraction

import numpy as np
import onnx
import pytest
import torch
from onnx import helper

from slsc.onnx_torch import OnnxModule
from slsc.pattern import first_2to4_violation, first_violation
from slsc.plan import mask_digest
from slsc.search.base import Rules, SearchNetwork, SearchResult
from slsc.search.inputs import PatchSource
from slsc.search.layers import layers_of
from slsc.search.moments import network_moments
from slsc.search.oneshot import elimination
from slsc.search.oneshot.correction import prune_in_sequence
from slsc.search.oneshot.oneshot import OneShot
from slsc.search.oneshot.sensitivity import measure_sensitivity
from slsc.search.uniform import prune_uniform, uniform_keep

RULES = Rules(16)


def with_weights(model: onnx.ModelProto, weights: dict[str, np.ndarray]) -> OnnxModule:
    module = OnnxModule(model)
    with torch.no_grad():
        for name, values in weights.items():
            module.parameter(name).copy_(torch.from_numpy(values))
    return module


@pytest.fixture(scope="module")
def inputs(pairs, io) -> torch.Tensor:
    return PatchSource(pairs, io).draw(6, 32, (0,))[0]


@torch.no_grad()
def output_error(model: onnx.ModelProto, result: SearchResult, x: torch.Tensor) -> float:
    return float((with_weights(model, dict(result.weights))(x) - OnnxModule(model)(x)).square().mean())


@pytest.mark.parametrize("rule", ["magnitude", "magnitude+2:4"])
def test_prunes_within_budget_and_beats_uniform_magnitude(
    network: SearchNetwork, pairs, io, inputs, silent, rule
) -> None:
    rules = Rules(16, rule)
    budget = Fraction(1, 4)
    result = OneShot(network, inputs, rules, 0, silent).prune(budget)
    assert result.plan.kept_share <= budget
    for layer in result.plan.layers:
        weight = result.weights[layer.name]
        assert first_violation(weight, layer.n, layer.m) is None
        assert rule == "magnitude" or 2 * layer.n > layer.m or first_2to4_violation(weight) is None
        assert mask_digest(result.masks[layer.name]) == layer.mask_sha256
        assert not np.any(weight[~result.masks[layer.name]])
    fresh = PatchSource(pairs, io).draw(6, 32, (1,))[0]
    uniform = output_error(network.model, prune_uniform(network, budget, rules), fresh)
    assert output_error(network.model, result, fresh) < 0.5 * uniform


def test_same_seed_same_result(network: SearchNetwork, inputs, silent) -> None:
    first, second = (OneShot(network, inputs, RULES, 3, silent).prune(Fraction(1, 2)) for _ in range(2))
    assert first.plan == second.plan
    assert all(np.array_equal(first.weights[name], second.weights[name]) for name in first.weights)


def test_sensitivity_falls_with_n_and_leaves_the_network_as_it_was(network: SearchNetwork, inputs, silent) -> None:
    module = OnnxModule(network.model)
    layers = {layer.name: layers_of(module)[layer.name] for layer in network.layers}
    moments = network_moments(module, layers, inputs, 4000, torch.Generator().manual_seed(0))
    curves = measure_sensitivity(module, inputs, layers, moments, RULES, silent)
    untouched = OnnxModule(network.model)
    for name in untouched.parameter_names():
        assert torch.equal(module.parameter(name), untouched.parameter(name))
    for curve in curves.values():
        errors = [curve[n] for n in sorted(curve)]
        assert errors[-1] == 0 and errors[0] > errors[len(errors) // 2] > 0


def test_curves_of_large_layers_are_near_those_of_others(network: SearchNetwork, inputs, silent, monkeypatch) -> None:
    module = OnnxModule(network.model)
    layers = {layer.name: layers_of(module)[layer.name] for layer in network.layers}
    moments = network_moments(module, layers, inputs, 4000, torch.Generator().manual_seed(0))
    exact = measure_sensitivity(module, inputs, layers, moments, RULES, silent)
    monkeypatch.setattr(elimination, "LARGE", 0.0)
    large = measure_sensitivity(module, inputs, layers, moments, RULES, silent)
    for name, curve in exact.items():
        assert large[name] == pytest.approx(curve, rel=0.8)


def test_a_layer_left_dense_mends_what_pruning_before_it_did(network: SearchNetwork, inputs, silent) -> None:
    dense = OnnxModule(network.model)
    pruned = copy.deepcopy(dense)
    keep = {"first.weight": 2, "second.weight": 16, "tail.weight": 16}
    generator = torch.Generator().manual_seed(0)
    prune_in_sequence(dense, pruned, inputs, keep, RULES, {}, 6000, generator, silent)
    only_first = copy.deepcopy(dense)
    with torch.no_grad():
        for name in ("first.weight", "first.bias"):
            only_first.parameter(name).copy_(pruned.parameter(name))
        reference = dense(inputs)
        assert (pruned(inputs) - reference).square().mean() < (only_first(inputs) - reference).square().mean()
    assert torch.equal(pruned.parameter("head.weight"), dense.parameter("head.weight")), "its inputs never changed"


def test_a_shared_weight_stays_shared(build, silent, pairs) -> None:
    again = helper.make_node(
        "Conv", ["body", "body.weight", "body.bias"], ["again"], "again", kernel_shape=[3, 3], pads=[1] * 4
    )
    model = build([("image", "head", 3, 16), ("head", "body", 16, 16), ("again", "restored", 16, 3)], [again], 3)
    network = SearchNetwork.of(model, (32, 32))
    assert [layer.uses for layer in network.layers] == [2]
    x = torch.rand(4, 3, 24, 24)
    result = OneShot(network, x, RULES, 0, silent).prune(Fraction(1, 4))
    assert first_violation(result.weights["body.weight"], 4, 16) is None
    assert output_error(model, result, x) < output_error(model, prune_uniform(network, Fraction(1, 4), RULES), x)


def test_uniform_takes_the_largest_n_within_budget(network: SearchNetwork) -> None:
    for denominator in (2, 4, 8):
        (n,) = set(uniform_keep(network, Fraction(1, denominator), 16).values())
        assert n == 16 // denominator

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from slsc.onnx_torch import OnnxModule
from slsc.pattern import first_2to4_violation, first_violation
from slsc.search.base import Rules
from slsc.search.layers import layers_of, read_layer
from slsc.search.moments import Moments, layer_moments
from slsc.search.oneshot.elimination import Elimination, stage_counts


def one_by_one(features: np.ndarray, targets: np.ndarray) -> Moments:
    """Moments of a 1x1 convolution from (P, C) inputs and (P, K) targets."""
    rows = torch.from_numpy(np.concatenate([features, np.ones((len(features), 1))], 1))
    wanted = torch.from_numpy(targets)
    return Moments((rows.T @ rows)[None], (rows.T @ wanted)[None], wanted.square().sum(0), len(features))


def problem(channels: int, outputs: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((400, channels)) @ rng.standard_normal((channels, channels)) + 0.3
    weight = rng.standard_normal((outputs, channels))
    return features, features @ weight.T + 0.5 + 0.1 * rng.standard_normal((400, outputs)), weight


def eliminated(features: np.ndarray, targets: np.ndarray, weight: np.ndarray, rules: Rules) -> Elimination:
    bias = np.full(len(weight), 0.5, np.float32)
    shaped = weight.astype(np.float32)[:, :, None, None]
    return Elimination(shaped, bias, one_by_one(features, targets), rules, True)


@given(st.integers(9, 40), st.sampled_from([4, 8, 16]), st.sampled_from(["magnitude", "magnitude+2:4"]))
@settings(max_examples=25, deadline=None)
def test_every_stage_obeys_its_pattern_and_reports_its_error(channels: int, m: int, rule: str) -> None:
    features, targets, weight = problem(channels, 3, channels)
    elimination = eliminated(features, targets, weight, Rules(m, rule))
    previous = None
    for n, stage in elimination.stages(stage_counts(m, 1)):
        assert first_violation(stage.weight, n, m) is None
        assert not np.any(stage.weight[~stage.mask])
        if rule == "magnitude+2:4" and 2 * n <= m:
            assert first_2to4_violation(stage.weight) is None
        elif previous is not None:
            assert not np.any(stage.mask & ~previous), "a weight came back"
        fitted = features @ stage.weight[:, :, 0, 0].T + stage.bias
        assert stage.error == pytest.approx(np.mean((fitted - targets) ** 2), rel=1e-3, abs=1e-6)
        previous = stage.mask


def test_kept_weights_are_the_least_squares_solution() -> None:
    features, targets, weight = problem(16, 4, 1)
    stage = eliminated(features, targets, weight, Rules(8)).last(3)
    for row in range(4):
        kept = stage.mask[row, :, 0, 0]
        design = np.concatenate([features[:, kept], np.ones((len(features), 1))], 1)
        best = np.linalg.lstsq(design, targets[:, row], rcond=None)[0]
        residual = np.mean((design @ best - targets[:, row]) ** 2)
        got = features @ stage.weight[row, :, 0, 0] + stage.bias[row]
        assert np.mean((got - targets[:, row]) ** 2) <= residual * 1.02


def test_support_comes_near_the_best_and_beats_magnitude() -> None:
    ratios, against_magnitude = [], []
    for seed in range(8):
        features, targets, weight = problem(8, 1, seed)
        stage = eliminated(features, targets, weight, Rules(8)).last(3)
        errors = {}
        for kept in itertools.combinations(range(8), 3):
            design = np.concatenate([features[:, kept], np.ones((len(features), 1))], 1)
            found = np.linalg.lstsq(design, targets[:, 0], rcond=None)[0]
            errors[kept] = float(np.mean((design @ found - targets[:, 0]) ** 2))
        largest = tuple(sorted(np.argsort(-np.abs(weight[0]))[:3]))
        ratios.append(stage.error / min(errors.values()))
        against_magnitude.append(stage.error / errors[largest])
    assert np.median(ratios) < 1.2
    assert np.mean(np.log(against_magnitude)) < 0


def test_stages_solved_nearly_are_near_the_best() -> None:
    features, targets, weight = problem(64, 6, 2)
    for n, stage in eliminated(features, targets, weight, Rules(32)).stages(stage_counts(32, 2), nearly=True):
        assert first_violation(stage.weight, n, 32) is None
        fitted = features @ stage.weight[:, :, 0, 0].T + stage.bias
        assert stage.error == pytest.approx(np.mean((fitted - targets) ** 2), rel=1e-2)
        assert stage.error <= 1.05 * _least_error(features, targets, stage.mask[:, :, 0, 0]) + 1e-4


def _least_error(features: np.ndarray, targets: np.ndarray, kept: np.ndarray) -> float:
    ones, squares = np.ones((len(features), 1)), 0.0
    for row, target in zip(kept, targets.T, strict=True):
        squares += np.linalg.lstsq(np.concatenate([features[:, row], ones], 1), target, rcond=None)[1][0]
    return squares / targets.size


def test_a_dense_layer_is_only_fitted() -> None:
    features, targets, weight = problem(12, 2, 3)
    stage = eliminated(features, targets, weight, Rules(8)).last(8)
    assert stage.mask.all()
    assert stage.error < np.mean((features @ weight.T - targets) ** 2)


def test_without_a_bias_none_is_made() -> None:
    features, targets, weight = problem(8, 2, 4)
    shaped = weight.astype(np.float32)[:, :, None, None]
    elimination = Elimination(shaped, np.zeros(2, np.float32), one_by_one(features, targets), Rules(8), False)
    assert not np.any(elimination.last(4).bias)


def test_stages_shrink_to_the_wanted_n() -> None:
    assert stage_counts(32, 32) == [32]
    for m, last in itertools.product((4, 8, 16, 32), (1, 2, 3)):
        counts = stage_counts(m, last)
        assert counts[-1] == last and counts == sorted(set(counts), reverse=True) and counts[0] < m


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("stride", [1, 2])
def test_moments_reproduce_a_strided_grouped_convolution(build, groups: int, stride: int) -> None:
    model = build([("image", "restored", 4 // groups, 4)], [], 4)
    for key, value in (("group", groups), ("strides", [stride, stride]), ("dilations", [2, 2])):
        model.graph.node[0].attribute.append(helper.make_attribute(key, value))
    module = OnnxModule(model)
    layer = layers_of(module)["restored.weight"]
    weight, bias = read_layer(module, layer)
    x = torch.rand(2, 4, 14, 13)
    target = F.conv2d(x, torch.from_numpy(weight), torch.from_numpy(bias), stride, 1, 2, groups)
    moments = layer_moments(module, layer, x, target, 1000, torch.Generator().manual_seed(0))
    stage = Elimination(weight, bias, moments, Rules(4), True).last(4)
    np.testing.assert_allclose(stage.weight, weight, atol=1e-4)
    np.testing.assert_allclose(stage.bias, bias, atol=1e-4)
    assert stage.error < 1e-6
    assert moments.count == target[:, 0].numel()

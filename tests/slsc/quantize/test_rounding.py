"""Weights in 8 bits: zeros kept, errors made good by the weights after them, means taken up by the bias."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from slsc.quantize.rounding import nearest, round_weight
from slsc.search.moments import Moments


def problem(groups: int = 1, outputs: int = 6, channels: int = 8) -> tuple[np.ndarray, np.ndarray, torch.Tensor]:
    """A sparse 3x3 weight, a bias, and inputs of which neighbours are much alike: (features, positions)."""
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((outputs, channels // groups, 3, 3)).astype(np.float32)
    weight[rng.random(weight.shape) < 0.5] = 0
    common = rng.standard_normal((1, 4000))
    features = torch.from_numpy(common + 0.3 * rng.standard_normal((channels * 9, 4000)) + 0.5).float()
    return weight, rng.standard_normal(outputs).astype(np.float32), features


def outputs_of(weight: np.ndarray, bias: np.ndarray, features: torch.Tensor, groups: int) -> torch.Tensor:
    rows = torch.from_numpy(weight).reshape(groups, len(weight) // groups, -1)
    made = rows @ features.reshape(groups, rows.shape[2], -1)
    return made.reshape(len(weight), -1) + torch.from_numpy(bias)[:, None]


def moments(weight: np.ndarray, features: torch.Tensor, target: torch.Tensor, groups: int) -> Moments:
    sums = Moments.zeros(weight.shape, groups)
    split = features.reshape(groups, -1, features.shape[1])
    split = torch.cat([split, split.new_ones(groups, 1, split.shape[2])], 1).double()
    wanted = target.reshape(groups, -1, target.shape[1]).double()
    sums.gram += split @ split.mT
    sums.cross += split @ wanted.mT
    sums.energy += wanted.square().sum(2).flatten()
    sums.count += features.shape[1]
    return sums


@pytest.mark.parametrize("groups", [1, 2])
def test_outputs_are_nearer_than_with_weights_rounded_to_nearest(groups: int) -> None:
    weight, bias, features = problem(groups)
    target = outputs_of(weight, bias, features, groups)
    found, offset = round_weight(weight, bias, moments(weight, features, target, groups), has_bias=True)
    error = (outputs_of(found.values, offset, features, groups) - target).square().mean()
    simple = (outputs_of(nearest(weight).values, bias, features, groups) - target).square().mean()
    assert error < 0.3 * simple


def test_zeros_stay_and_integers_are_within_bounds() -> None:
    weight, bias, features = problem()
    weight[2] = 0
    target = outputs_of(weight, bias, features, 1)
    for found in (round_weight(weight, bias, moments(weight, features, target, 1), has_bias=True)[0], nearest(weight)):
        assert not found.integers[weight == 0].any()
        assert found.integers.dtype == np.int8 and abs(found.integers.astype(int)).max() <= 127
        assert (found.scale > 0).all() and found.scale.dtype == np.float32
        assert np.abs(found.values - weight).max() < 0.2


def test_the_bias_takes_up_the_mean() -> None:
    weight, bias, features = problem()
    target = outputs_of(weight, bias, features, 1) + 3
    found, offset = round_weight(weight, bias, moments(weight, features, target, 1), has_bias=True)
    np.testing.assert_allclose(outputs_of(found.values, offset, features, 1).mean(1), target.mean(1), atol=1e-3)


def test_a_bias_that_may_not_change_does_not() -> None:
    weight, bias, features = problem()
    target = outputs_of(weight, np.zeros_like(bias), features, 1) + 3
    _, offset = round_weight(weight, bias, moments(weight, features, target, 1), has_bias=False)
    np.testing.assert_array_equal(offset, bias)

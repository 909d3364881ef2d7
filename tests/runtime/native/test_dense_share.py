"""Convolutions that keep few or nearly all weights: different kernels of the engine run them, with the same results."""

from __future__ import annotations

import numpy as np
import pytest

from slsc.passes.lowering.nmp import ABSENT, Op
from slsc.runtime.backends.native import NativeRunner


def _layer(plans, rng, made, channels, n, m, side=3, groups=1):
    """A convolution with n of every m weights; n == m: dense."""
    inner = channels // groups
    if n == m:
        arrays = [plans.floats(rng, made, inner, side, side)]
    else:
        arrays = plans.sparse_arrays(rng, made, inner, (side, side), n, m)
    arrays[0] /= np.float32(np.sqrt(inner * side * side))
    positions = ABSENT if n == m else 1
    params = plans.conv(channels, made, (side, side), groups=groups, n=0 if n == m else n, positions=positions)
    return plans.plan([channels, made], [Op(params)], arrays, m=0 if n == m else m)


def _agree(plan, image, expected, isa, capacity=0):
    runner = NativeRunner(plan.to_bytes(), 1, isa)
    runner.set_capacity(capacity)
    made = runner.run(image[None])[0]
    np.testing.assert_allclose(made, expected, rtol=2e-5, atol=2e-5 * max(1, np.abs(expected).max()), err_msg=isa)


@pytest.mark.parametrize("n", [1, 8, 16, 20, 24, 28, 31, 32])
def test_any_share_of_weights(plans, interpret, isas, n):
    rng = np.random.default_rng(n)
    plan = _layer(plans, rng, made=11, channels=64, n=n, m=32)
    image = rng.standard_normal((64, 37, 29)).astype(np.float32)
    expected = interpret(plan, image)
    for isa in isas:
        _agree(plan, image, expected, isa)


@pytest.mark.parametrize("capacity", [30, 24, 12, 1])
def test_capacity_below_a_nearly_dense_layer(plans, interpret, isas, capacity):
    rng = np.random.default_rng(capacity)
    plan = _layer(plans, rng, made=6, channels=40, n=31, m=32)
    image = rng.standard_normal((40, 19, 26)).astype(np.float32)
    expected = interpret(plan, image, capacity)
    for isa in isas:
        _agree(plan, image, expected, isa, capacity)


@pytest.mark.parametrize("zeros", [0.1, 0.9, 1.0])
def test_zeros_in_dense_weights(plans, interpret, isas, zeros):
    rng = np.random.default_rng(7)
    plan = _layer(plans, rng, made=7, channels=20, n=1, m=1)
    weights = plan.floats(0).copy()
    weights[rng.random(weights.size) < zeros] = 0
    plan = plans.plan([20, 7], list(plan.ops), [weights])
    image = rng.standard_normal((20, 21, 50)).astype(np.float32)
    expected = interpret(plan, image)
    for isa in isas:
        _agree(plan, image, expected, isa)


@pytest.mark.parametrize("made", [1, 2, 3, 4, 5, 63, 64, 65, 131])
@pytest.mark.parametrize("side", [1, 3])
def test_any_number_of_outputs(plans, interpret, isas, made, side):
    rng = np.random.default_rng(made)
    plan = _layer(plans, rng, made, channels=5, n=1, m=1, side=side)
    image = rng.standard_normal((5, 18, 27)).astype(np.float32)
    expected = interpret(plan, image)
    for isa in isas:
        _agree(plan, image, expected, isa)


@pytest.mark.parametrize("each", [1, 2, 5])
def test_groups(plans, interpret, isas, each):
    rng = np.random.default_rng(each)
    plan = _layer(plans, rng, 3 * each, channels=36, n=1, m=1, groups=3)
    image = rng.standard_normal((36, 18, 27)).astype(np.float32)
    expected = interpret(plan, image)
    for isa in isas:
        _agree(plan, image, expected, isa)


@pytest.mark.parametrize("made", [2, 3, 4])
@pytest.mark.parametrize("side", [1, 3, 5])
@pytest.mark.parametrize("height", [83, 96])
def test_few_outputs(plans, interpret, isas, made, side, height):
    """Rows read in place and rows packed, of whole images and of bands."""
    rng = np.random.default_rng(made)
    plan = _layer(plans, rng, made, channels=9, n=1, m=1, side=side)
    image = rng.standard_normal((9, height, 101)).astype(np.float32)
    expected = interpret(plan, image)
    for isa in isas:
        _agree(plan, image, expected, isa)
        runs = []
        for threads, band in ((1, 0), (1, 48), (2, 31)):
            runner = NativeRunner(plan.to_bytes(), threads, isa)
            runner.set_band(band)
            runs.append(runner.run(image[None]))
        assert all(np.array_equal(run, runs[0]) for run in runs), isa

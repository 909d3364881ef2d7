"""Rounding of convolutions in bfloat16, and what they are where float32 is asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from slsc.passes.lowering.nmp import ABSENT, Op
from slsc.passes.lowering.nmp_ops import Conv, HalfConv, Narrow
from slsc.runtime.backends.native import NativeRunner
from slsc.runtime.backends.native_calls import Precision

UNIT, SMALLEST = 2.0**-24, 2.0**-126
"""Half of float32's spacing at 1, and its least number that is not denormal."""


@pytest.mark.parametrize(("channels", "made", "kernel"), [(64, 64, (3, 3)), (37, 19, (5, 3)), (3, 50, (1, 1))])
@pytest.mark.parametrize("size", [1.0, 1e30, 1e-38])
def test_sums_are_within_the_rounding_of_float32(plans, interpreter, isas, channels, made, kernel, size):
    """n products err by n roundings of what they come to without signs; denormal numbers may count as 0."""
    rng = np.random.default_rng(channels)
    weights = rng.standard_normal((made, channels, *kernel)).astype(np.float32)
    bias = (rng.standard_normal(made) * size).astype(np.float32)
    plan = plans.rounded(channels, made, kernel, plans.upper_halves(weights), bias)
    image = (rng.standard_normal((channels, 23, 41)) * size).astype(np.float32)
    weight, x = interpreter.dense_weight(plan, plan.ops[1].params), interpreter.narrowed(image)
    exact = interpreter._sums(plan.ops[1].params, x, weight) + bias[:, None, None]
    whole = interpreter._sums(plan.ops[1].params, np.abs(x), np.abs(weight)) + np.abs(bias)[:, None, None]
    products = channels * kernel[0] * kernel[1]
    bound = (products + 1) * (1.01 * UNIT * whole + SMALLEST * (1 + np.abs(weight).max()))
    for isa in isas:
        found = NativeRunner(plan.to_bytes(), 1, isa).run(image[None])[0]
        assert np.all(np.abs(found - exact) <= bound), isa
        assert size < 1e-30 or np.abs(found - exact).max() > 0


def test_numbers_are_rounded_to_the_nearest(plans, interpreter, isas):
    ties = np.array([0x3F808000, 0x3F818000, 0x3F807FFF, 0x3F808001, 0xBF808000, 0x7F7F7FFF, 0x00808000], np.uint32)
    image = np.concatenate([ties.view(np.float32), np.random.default_rng(0).standard_normal(800).astype(np.float32)])
    image = image.reshape(1, 1, -1)
    plan = plans.rounded(1, 1, (1, 1), plans.upper_halves(np.ones(1)), np.zeros(1, np.float32))
    for isa in isas:
        found = NativeRunner(plan.to_bytes(), 1, isa).run(image[None])[0]
        np.testing.assert_array_equal(found, interpreter.narrowed(image), err_msg=isa)


def test_in_float32_nothing_is_rounded(plans, isas):
    """Not even a copy is left of what rounds: the bits are those of a plan that never had it."""
    rng = np.random.default_rng(3)
    weights = plans.upper_halves(rng.standard_normal(20 * 24 * 9))
    half = plans.rounded(24, 20, (3, 3), weights, np.ones(20, np.float32))
    conv = Conv(*half.ops[1].params)
    floats = replace(half, values=(24, 20), ops=(Op(conv, ins=(0, ABSENT), out=1),), output=1, dtypes=(), features=())
    image = rng.standard_normal((1, 24, 30, 41)).astype(np.float32)
    for isa in isas:
        runner = NativeRunner(half.to_bytes(), 1, isa)
        assert runner.halves and not runner.integers
        as_planned = runner.run(image)
        runner.set_precision(Precision.FLOAT32)
        assert not runner.halves
        expected = NativeRunner(floats.to_bytes(), 1, isa).run(image)
        np.testing.assert_array_equal(runner.run(image), expected, err_msg=isa)
        assert not np.array_equal(as_planned, expected)
        runner.set_precision(Precision.FASTEST)
        fast = runner.halves
        np.testing.assert_array_equal(runner.run(image), as_planned if fast else expected, err_msg=isa)
        assert not fast or isa in ("amx", "avx512")


@pytest.mark.parametrize("seed", range(12))
def test_the_fastest_way_is_chosen_for_each(plans, isas, seed):
    """Chains of wide and narrow convolutions, some of which would be slower in bfloat16 and read what others read."""
    rng = np.random.default_rng(seed)
    widths = [int(rng.choice([3, 8, 32, 64, 96])) for _ in range(5)]
    plan = plans.half_chain(rng, widths)
    image = rng.standard_normal((1, widths[0], 30, 41)).astype(np.float32)
    for isa in isas:
        runner = NativeRunner(plan.to_bytes(), 1, isa)
        runner.set_precision(Precision.FLOAT32)
        exact = runner.run(image)[0]
        runner.set_precision(Precision.AS_PLANNED)
        assert runner.halves and _decibels(runner.run(image)[0], exact) > 40
        runner.set_precision(Precision.FASTEST)
        fast = runner.run(image)[0]
        assert _decibels(fast, exact) > 40, isa
        assert runner.halves != np.array_equal(fast, exact), isa


@pytest.mark.parametrize("seed", range(6))
def test_what_is_combined_is_rounded_only_in_16_bits(plans, isas, seed):
    """In float32 nothing was rounded, and the bits are those of a plan that combines what was not."""
    plan = plans.half_residuals(np.random.default_rng(seed))
    ops = list(plan.ops)
    widest = {op.out: op.ins[0] for op in ops if isinstance(op.params, Narrow)}
    for at, op in enumerate(ops):
        if isinstance(op.params, HalfConv):
            ops[at] = replace(op, ins=(op.ins[0], widest[op.ins[1]]))
    exact = replace(plan, ops=tuple(ops), features=plan.features[:1] + plan.features[2:])
    image = np.random.default_rng(seed).standard_normal((1, plan.values[0], 41, 70)).astype(np.float32)
    for isa in isas:
        halves, floats = (NativeRunner(each.to_bytes(), 1, isa) for each in (plan, exact))
        for precision in (Precision.FLOAT32, Precision.FASTEST):
            halves.set_precision(precision)
            floats.set_precision(precision)
            found, wanted = halves.run(image)[0], floats.run(image)[0]
            if precision == Precision.FLOAT32:
                np.testing.assert_array_equal(found, wanted, err_msg=isa)
            assert _decibels(found, wanted) > 40, isa


def _decibels(found: np.ndarray, wanted: np.ndarray) -> float:
    error = np.square(found - wanted).mean()
    return float("inf") if error == 0 else float(10 * np.log10(np.square(wanted).mean() / error))

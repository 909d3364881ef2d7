"""Every operation of the native engine, on every instruction set here, against the slow interpreter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slsc.errors import BackendError
from slsc.passes.lowering.nmp import ABSENT, Op
from slsc.passes.lowering.nmp_ops import Act, Unary
from slsc.runtime.backends.native import NativeRunner

KINDS = (
    "dense_conv", "sparse_conv", "narrow", "combined", "combined_shuffled", "ending", "binary", "unary",
    "normalized", "root", "pool", "resize", "resize_to", "pad", "shares", "shuffles", "attention", "network",
    "blocks", "distilling", "ladder", "int_convs", "int_network", "int_joined",
    "int_distilling", "int_shuffled", "half_convs", "half_distilling", "half_residuals",
    "gates",
)  # fmt: skip


def test_every_kind_of_plan_is_tested(plans):
    assert set(KINDS) == set(plans.KINDS)


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 2**32 - 1), height=st.integers(9, 70), width=st.integers(9, 60), threads=st.integers(1, 3))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_operation_agrees_with_the_interpreter(plans, interpret, isas, kind, seed, height, width, threads):
    rng = np.random.default_rng(seed)
    plan = plans.KINDS[kind](rng)
    image = rng.standard_normal((plan.values[0], height, width)).astype(np.float32)
    expected = interpret(plan, image)
    for isa in isas:
        made = NativeRunner(plan.to_bytes(), threads, isa).run(image[None])[0]
        np.testing.assert_allclose(made, expected, rtol=2e-5, atol=2e-5 * max(1, np.abs(expected).max()), err_msg=isa)


@given(seed=st.integers(0, 2**32 - 1), height=st.integers(1, 8), width=st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_images_smaller_than_the_lanes(plans, interpret, isas, seed, height, width):
    rng = np.random.default_rng(seed)
    for kind in ("dense_conv", "pool", "resize", "resize_to", "combined", "attention"):
        plan = plans.KINDS[kind](rng)
        image = rng.standard_normal((plan.values[0], height, width)).astype(np.float32)
        for isa in isas:
            runner = NativeRunner(plan.to_bytes(), 1, isa)
            try:
                made = runner.run(image[None])[0]
            except BackendError as refused:
                assert "too small" in str(refused), (kind, isa)
                continue
            expected = interpret(plan, image)
            tolerance = 2e-5 * max(1, np.abs(expected).max())
            np.testing.assert_allclose(made, expected, rtol=2e-5, atol=tolerance, err_msg=f"{kind} {isa}")


@pytest.mark.parametrize("kind", ["sparse_conv", "narrow", "distilling", "int_convs", "int_network", "half_convs"])
@given(seed=st.integers(0, 2**32 - 1), capacity=st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_capacity_keeps_the_most_important(plans, interpret, isas, kind, seed, capacity):
    rng = np.random.default_rng(seed)
    plan = plans.KINDS[kind](rng)
    image = rng.standard_normal((plan.values[0], 12, 12)).astype(np.float32)
    for isa in isas:
        runner = NativeRunner(plan.to_bytes(), 1, isa)
        whole = runner.run(image[None])
        runner.set_capacity(capacity)
        expected = interpret(plan, image, capacity)
        atol = 2e-5 * max(1, np.abs(expected).max())
        np.testing.assert_allclose(runner.run(image[None])[0], expected, rtol=2e-5, atol=atol)
        runner.set_capacity(0)
        assert np.array_equal(runner.run(image[None]), whole)


@pytest.mark.parametrize("kind", KINDS)
def test_bits_do_not_depend_on_threads(plans, isas, kind):
    for seed in range(5):
        plan = plans.KINDS[kind](np.random.default_rng(seed))
        image = np.random.default_rng(seed).standard_normal((1, plan.values[0], 47, 61)).astype(np.float32)
        for isa in isas:
            one, *others = (NativeRunner(plan.to_bytes(), threads, isa).run(image) for threads in (1, 2, 5))
            assert all(np.array_equal(one, other, equal_nan=True) for other in others)


@pytest.mark.parametrize("kind", KINDS)
def test_bits_do_not_depend_on_bands(plans, isas, kind):
    for seed in range(5):
        plan = plans.KINDS[kind](np.random.default_rng(seed))
        image = np.random.default_rng(seed).standard_normal((1, plan.values[0], 47, 61)).astype(np.float32)
        for isa in isas:
            runner = NativeRunner(plan.to_bytes(), 2, isa)
            runner.set_band(61)
            whole = runner.run(image)
            for columns in (0, 1, 3, 12, 40):
                runner.set_band(columns)
                assert np.array_equal(runner.run(image), whole, equal_nan=True), (isa, columns)


@pytest.mark.parametrize("act", ["SIGMOID", "TANH", "GELU", "SILU", "HARD_SIGMOID", "HARD_SWISH"])
def test_activations_are_accurate(plans, interpret, isas, act):
    one = Op(Unary(1, ABSENT, ABSENT), act=Act[act], act_a=0.2, act_b=0.5)
    plan = plans.plan([1, 1], [one], [])
    image = np.concatenate([np.linspace(-30, 30, 4000), np.geomspace(1e-8, 1, 200), [-1e4, 1e4]])
    image = image.astype(np.float32).reshape(1, 1, -1)
    expected = interpret(plan, np.clip(image, -700, 700))
    for isa in isas:
        made = NativeRunner(plan.to_bytes(), 1, isa).run(image[None])[0]
        error = np.abs(made - np.where(np.abs(image) > 700, made, expected)) / np.maximum(1, np.abs(expected))
        assert error.max() < 5e-7
        assert np.isfinite(made).all()
        assert not np.any((made != 0) & (np.abs(made) < np.finfo(np.float32).tiny)), "subnormal numbers are slow"

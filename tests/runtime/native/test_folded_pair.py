"""Two convolutions with nothing but a shuffle between them, which the engine makes one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slsc.passes.lowering.nmp import ABSENT, INT8, DType, Op
from slsc.passes.lowering.nmp_ops import Act, Combine, Dequantize, Quantize, Unary
from slsc.runtime.backends.native import NativeRunner
from slsc.runtime.backends.native_calls import Precision

CHANNELS = 24


def _merges(plan) -> bool:
    runner = NativeRunner(plan.to_bytes(), 1, "portable")
    runner.run(np.zeros((1, plan.values[0], 12, 12), np.float32))
    return runner.op_macs()[0] == 0


def _agree(plan, interpret, image, isas, capacity=0):
    expected = interpret(plan, image, capacity)
    for isa in isas:
        runs = []
        for threads, band in ((1, 0), (1, 4), (2, 7)):
            runner = NativeRunner(plan.to_bytes(), threads, isa)
            runner.set_capacity(capacity)
            runner.set_band(band)
            runs.append(runner.run(image[None])[0])
        np.testing.assert_allclose(
            runs[0], expected, rtol=2e-5, atol=2e-5 * max(1, np.abs(expected).max()), err_msg=isa
        )
        assert all(np.array_equal(run, runs[0]) for run in runs), isa


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shuffle=st.sampled_from([1, 2, 3]),
    sides=st.sampled_from([(3, 3), (3, 1), (1, 3), (5, 3)]),
    outputs=st.integers(1, 4),
    n=st.sampled_from([1, 4, 8]),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_pair(plans, interpret, isas, shuffle, sides, outputs, n, height, width, seed):
    rng = np.random.default_rng(seed)
    plan = plans.pair(rng, shuffle=shuffle, sides=sides, outputs=outputs, n=n, channels=CHANNELS)
    image = rng.standard_normal((CHANNELS, height, width)).astype(np.float32)
    _agree(plan, interpret, image, isas)


@pytest.mark.parametrize("n", [2, 8])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 50), (50, 1), (16, 48), (83, 101)])
def test_as_networks_end(plans, interpret, isas, n, height, width):
    rng = np.random.default_rng(height)
    plan = plans.pair(rng, shuffle=2, sides=(3, 3), outputs=3, n=n, channels=CHANNELS)
    assert _merges(plan)
    _agree(plan, interpret, rng.standard_normal((CHANNELS, height, width)).astype(np.float32), isas)


@pytest.mark.parametrize("capacity", [1, 5])
def test_capacity(plans, interpret, isas, capacity):
    rng = np.random.default_rng(capacity)
    plan = plans.pair(rng, shuffle=2, sides=(3, 3), outputs=3, n=8, channels=CHANNELS, m=16)
    assert _merges(plan)
    _agree(plan, interpret, rng.standard_normal((CHANNELS, 20, 19)).astype(np.float32), isas, capacity)


@pytest.mark.parametrize(("outputs", "channels", "sides"), [(1, 5, (3, 3)), (3, 64, (3, 3)), (4, 70, (5, 3))])
@pytest.mark.parametrize(("height", "width"), [(1, 3), (9, 50), (50, 21)])
def test_of_what_is_dequantized(plans, interpret, isas, outputs, channels, sides, height, width):
    """Where bytes are multiplied fast the pair reads them, with weights of 16 bits."""
    rng = np.random.default_rng(height)
    plan = plans.dequantized_pair(rng, sides=sides, outputs=outputs, channels=channels)
    image = rng.standard_normal((channels, height, width)).astype(np.float32)
    expected = interpret(plan, image)
    for isa in isas:
        runs = []
        for threads, band in ((1, 0), (1, 4), (2, 7)):
            runner = NativeRunner(plan.to_bytes(), threads, isa)
            runner.set_precision(Precision.AS_PLANNED)
            runner.set_band(band)
            runs.append(runner.run(image[None])[0])
        np.testing.assert_allclose(runs[0], expected, rtol=0, atol=1e-4 * np.abs(expected).max(), err_msg=isa)
        assert all(np.array_equal(run, runs[0]) for run in runs), isa


def test_of_what_is_dequantized_in_part(plans, interpret, isas):
    rng = np.random.default_rng(5)
    made = plans.pair(rng, shuffle=2, sides=(3, 3), outputs=3, n=8, channels=CHANNELS)
    grid = 1 / 40, 117
    ops = [
        Op(Unary(8, ABSENT, ABSENT), out=4),
        Op(Quantize(CHANNELS - 8, *grid, ABSENT), in_channels=(8, 0), out=3),
        Op(Dequantize(CHANNELS - 8, *grid), ins=(3, ABSENT), out=4, out_channel=8),
        replace(made.ops[0], ins=(4, ABSENT)),
        made.ops[1],
    ]
    types = (DType.F32, DType.F32, DType.F32, DType.U8, DType.F32)
    plan = plans.plan([*made.values, CHANNELS - 8, CHANNELS], ops, made.arrays, m=made.m)
    plan = replace(plan, output=made.output, dtypes=types, features=(INT8,))
    _agree(plan, interpret, rng.standard_normal((CHANNELS, 20, 19)).astype(np.float32), isas)


def test_its_time_and_work_are_the_seconds(plans):
    plan = plans.pair(np.random.default_rng(0), shuffle=2, sides=(3, 3), outputs=3, n=8, channels=CHANNELS)
    runner = NativeRunner(plan.to_bytes(), 1)
    runner.run(np.zeros((1, CHANNELS, 10, 20), np.float32))
    assert runner.op_macs() == [0, 10 * 20 * 4 * 3 * 4 * 4 * CHANNELS]
    assert runner.op_seconds()[0] == 0 < runner.op_seconds()[1]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"act": Act.RELU}, {}),
        ({"combine": Combine.ACT_THEN_ADD}, {}),
        ({"stride": 2}, {}),
        ({"pads": (0, 0, 0, 0)}, {}),
        ({}, {"pads": (2, 2, 2, 2)}),
        ({}, {"stride": 2}),
    ],
    ids=["activated between", "added between", "strided", "cropped", "grown", "strided behind"],
)
def test_others_stay_two(plans, interpret, isas, first, second):
    rng = np.random.default_rng(3)
    shuffle = 1 if "combine" in first else 2
    plan = plans.pair(rng, shuffle=shuffle, sides=(3, 3), outputs=3, n=8, channels=CHANNELS, first=first, second=second)
    assert not _merges(plan)
    _agree(plan, interpret, rng.standard_normal((CHANNELS, 18, 22)).astype(np.float32), isas)


def test_a_result_that_others_read_stays(plans, interpret, isas):
    rng = np.random.default_rng(4)
    made = plans.pair(rng, shuffle=2, sides=(3, 3), outputs=3, n=8, channels=CHANNELS)
    reader = Op(Unary(CHANNELS, ABSENT, ABSENT), ins=(1, ABSENT), out=2, out_channel=3, act=Act.RELU)
    values = [CHANNELS, CHANNELS, 3 + CHANNELS]
    plan = plans.plan(values, [*made.ops, reader], made.arrays, m=made.m)
    assert not _merges(plan)
    _agree(plan, interpret, rng.standard_normal((CHANNELS, 18, 22)).astype(np.float32), isas)

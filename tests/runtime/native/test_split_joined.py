"""1x1 convolutions of what parts far apart make, which the engine sums part by part."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from slsc.passes.lowering.nmp import ABSENT, Op, PlanFile
from slsc.passes.lowering.nmp_ops import Act
from slsc.runtime.backends.native import NativeRunner

CHANNELS, MADE, N, M = 52, 10, 3, 16  # channels of a part: groups lie across two of them
FAR, NEAR = 30, 1  # rows that each part is made behind the one before, nearly


@pytest.fixture
def joined(plans):
    """`joined(dilation)`: three parts, of which the next reads the one before, and a sparse 1x1 convolution of all."""

    def make(dilation: int, order: Sequence[int] = (0, 1, 2)) -> PlanFile:
        from plans.basics import conv, floats, plan, sparse_arrays

        rng = np.random.default_rng(4)
        values, ops, arrays = [3, 3 * CHANNELS], [], []

        def add(params: object, ins: int, in_channel: int, made: int, channel: int, **act: object) -> None:
            ops.append(Op(params, ins=(ins, ABSENT), in_channels=(in_channel, 0), out=made, out_channel=channel, **act))

        def dense(channels: int, made: int, kernel: int) -> int:
            arrays.append(floats(rng, made, channels, kernel, kernel) / (kernel * channels**0.5))
            return len(arrays) - 1

        at = [CHANNELS * place for place in order]
        add(conv(3, CHANNELS, weights=dense(3, CHANNELS, 3)), 0, 0, 1, at[0])
        for before, part in pairwise(at):
            values.append(CHANNELS)
            tall = {"dilations": (dilation, 1), "pads": (dilation, 1, dilation, 1)}
            # With this one, from the rows that it has packed, what the part adds to the sum is made.
            arrays += sparse_arrays(rng, CHANNELS, CHANNELS, (3, 3), N, M)
            plain = conv(CHANNELS, CHANNELS, n=N, weights=len(arrays) - 2, positions=len(arrays) - 1)
            add(plain, 1, before, len(values) - 1, 0, act=Act.TANH)
            add(conv(CHANNELS, CHANNELS, weights=dense(CHANNELS, CHANNELS, 3), **tall), len(values) - 1, 0, 1, part)
        bias, first = len(arrays), len(arrays) + 1
        arrays += [floats(rng, MADE), *sparse_arrays(rng, MADE, 3 * CHANNELS, (1, 1), N, M)]
        values.append(MADE)
        all_parts = conv(3 * CHANNELS, MADE, (1, 1), n=N, weights=first, positions=first + 1, bias=bias)
        add(all_parts, 1, 0, len(values) - 1, 0, act=Act.LEAKY_RELU, act_a=0.1)
        values.append(3)
        add(conv(MADE, 3, weights=dense(MADE, 3, 3)), len(values) - 2, 0, len(values) - 1, 0)
        return plan(values, ops, arrays, m=M)

    return make


@pytest.mark.parametrize("capacity", [0, 1])
@pytest.mark.parametrize(("dilation", "order"), [(FAR, (0, 1, 2)), (FAR, (2, 0, 1)), (NEAR, (0, 1, 2))])
def test_as_the_interpreter_says(joined, interpret, isas, dilation, order, capacity):
    plan = joined(dilation, order)
    image = np.random.default_rng(1).standard_normal((3, 150, 20)).astype(np.float32)
    expected = interpret(plan, image, capacity)
    for isa in isas:
        runs = []
        for threads, band in ((1, 150), (2, 0), (1, 7)):
            runner = NativeRunner(plan.to_bytes(), threads, isa)
            runner.set_capacity(capacity)
            runner.set_band(band)
            runs.append(runner.run(image[None])[0])
        np.testing.assert_allclose(runs[0], expected, rtol=2e-5, atol=2e-5 * np.abs(expected).max(), err_msg=isa)
        assert all(np.array_equal(run, runs[0]) for run in runs), isa


def test_it_is_not_held_whole(joined):
    rows = {}
    for dilation in (FAR, NEAR):
        taken, _ = NativeRunner(joined(dilation).to_bytes(), 1).stream_bytes(2000, 256, 1)
        rows[dilation] = taken / (256 * 4)
    spread = 2 * (FAR - NEAR)  # rows more between the first part and the last
    assert rows[FAR] - rows[NEAR] < 3 * CHANNELS * spread  # what holding all parts for them would take

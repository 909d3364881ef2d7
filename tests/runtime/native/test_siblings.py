"""1x1 convolutions that run with a larger one of the same input, and residuals that become weights."""

from __future__ import annotations

import numpy as np
import pytest

from slsc.passes.lowering.nmp_ops import Act, Combine
from slsc.runtime.backends.native import NativeRunner

CHANNELS = 52  # of which one row at a time fits into the L1 cache


@pytest.fixture
def sketch(plans):
    """With value 1, of as many channels as the image, to read: unlike the image it is made band by band."""
    sketch = plans.Sketch(np.random.default_rng(0), CHANNELS, 2)
    sketch.conv(0, CHANNELS, 3, sketch.value(CHANNELS))
    return sketch


@pytest.fixture
def agree(interpret, isas):
    """`agree(plan)`: as the interpreter says, with the same bits whatever the bands."""

    def check(plan):
        image = np.random.default_rng(1).standard_normal((plan.values[0], 30, 75)).astype(np.float32)
        expected = interpret(plan, image)
        for isa in isas:
            runs = []
            for threads, band in ((1, 75), (1, 0), (2, 12), (1, 5)):
                runner = NativeRunner(plan.to_bytes(), threads, isa)
                runner.set_band(band)
                runs.append(runner.run(image[None])[0])
            np.testing.assert_allclose(runs[0], expected, rtol=2e-5, atol=2e-5 * np.abs(expected).max(), err_msg=isa)
            assert all(np.array_equal(run, runs[0]) for run in runs), isa

    return check


def _ran(plan, size):
    runner = NativeRunner(plan.to_bytes(), 1)
    for _ in range(3):
        runner.run(np.zeros((1, plan.values[0], size, size), np.float32))
    return runner


def test_its_time_and_work_are_those_of_the_larger(sketch, agree):
    points = [sketch.conv(1, 40, 1, sketch.value(40), act=Act.RELU) for _ in range(2)]
    x = sketch.conv(1, 40, 3, sketch.value(40))
    for point in points:
        x = sketch.add(x, point, sketch.value(40))
    plan = sketch.plan()
    agree(plan)
    runner = _ran(plan, 96)
    _, first, second, larger, *_ = runner.op_seconds()
    assert max(first, second) < larger / 10
    kept = 7  # of 52 weights at 2:16, in groups of 16, 16, 16, 4
    assert runner.op_macs()[1:4] == [0, 0, 96 * 96 * 40 * kept * (9 + 1 + 1)]


def test_what_it_adds_may_lie_further_behind(sketch, agree):
    late = sketch.conv(1, 3, 5, sketch.value(3))
    point = sketch.conv(1, 3, 1, sketch.value(3), combine=Combine.ADD_THEN_ACT, other=late)
    x = sketch.conv(1, 3, 3, sketch.value(3))
    sketch.add(x, point, sketch.value(3))
    agree(sketch.plan())


def test_what_it_adds_stays_until_it_runs(sketch, agree):
    total = sketch.conv(1, CHANNELS, 3, sketch.value(CHANNELS))
    both = sketch.value(2 * CHANNELS)
    sketch.conv(1, CHANNELS, 3, both)
    sketch.conv(1, CHANNELS, 1, both, CHANNELS, combine=Combine.ADD_THEN_ACT, other=total)
    x = sketch.conv(1, CHANNELS, 3, sketch.value(CHANNELS))
    for channel in (0, CHANNELS):
        x = sketch.add(x, both, sketch.value(CHANNELS), channel)
    agree(sketch.plan())


@pytest.mark.parametrize("pads", [(1, 1, 1, 1), (2, 2, 0, 0), (0, 0, 2, 2)])
def test_a_shortcut_is_made_before(sketch, agree, pads):
    shortcut = sketch.conv(1, 8, 1, sketch.value(8))
    x = sketch.conv(1, 8, 3, sketch.value(8), combine=Combine.ADD_THEN_ACT, other=shortcut, act=Act.RELU, pads=pads)
    sketch.add(x, shortcut, sketch.value(8))
    agree(sketch.plan())


def test_parts_of_the_restored_image(sketch, agree):
    x, out = sketch.value(3), sketch.value(6)
    sketch.conv(1, 3, 5, out)
    sketch.conv(1, 3, 1, out, 3)
    sketch.conv(1, 3, 3, x)
    agree(sketch.plan())


@pytest.mark.parametrize("side", [1, 3, 5])
@pytest.mark.parametrize("act", [Act.NONE, Act.RELU])
@pytest.mark.parametrize("combine", [Combine.ADD_THEN_ACT, Combine.ACT_THEN_ADD, Combine.ACT_THEN_MUL])
def test_own_input_added(sketch, agree, side, act, combine):
    sketch.conv(1, CHANNELS, side, sketch.value(CHANNELS), combine=combine, other=1, act=act)
    agree(sketch.plan())


@pytest.mark.parametrize(("n", "m"), [(15, 16), (1, 16)])
def test_own_input_where_its_weight_is_kept_or_not(plans, agree, n, m):
    sketch = plans.Sketch(np.random.default_rng(2), CHANNELS, n, m)
    sketch.conv(0, CHANNELS, 3, sketch.value(CHANNELS), combine=Combine.ADD_THEN_ACT, other=0)
    agree(sketch.plan())


def test_own_input_of_two_layers_made_one(plans, agree):
    second = {"combine": Combine.ADD_THEN_ACT}
    rng = np.random.default_rng(3)
    plan = plans.pair(rng, shuffle=1, sides=(3, 1), outputs=3, n=8, channels=3, second=second)
    agree(plan)
    assert _ran(plan, 20).op_macs()[0] == 0  # they are one

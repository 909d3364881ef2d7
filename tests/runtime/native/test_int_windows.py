"""Convolutions in integers with the largest windows that a plan may have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from slsc.passes.lowering import nmp
from slsc.passes.lowering.nmp import ABSENT, INT8, DType, Op, PlanFile
from slsc.passes.lowering.nmp_ops import IntConv, Quantize
from slsc.runtime.backends.native import NativeRunner

SCALE = 1 / 32


def depthwise(plans, channels: int, kernel: tuple[int, int], dilation: int) -> PlanFile:
    """Quantize, and one weight of a channel for each place of a dilated kernel, the image in its middle."""
    rng = np.random.default_rng(0)
    pads = tuple(dilation * (k - 1) // 2 for k in kernel) * 2
    weights = nmp.Array(rng.integers(-9, 10, channels * kernel[0] * kernel[1]).astype(np.int8).tobytes(), DType.I8, 1)
    params = plans.conv(channels, channels, kernel, pads=pads, dilations=(dilation, dilation), groups=channels)
    ops = [
        Op(Quantize(channels, SCALE, 100, ABSENT)),
        Op(IntConv(*params, SCALE, 100, 1.0, 0), ins=(1, ABSENT), out=2),
    ]
    made = plans.plan([channels] * 3, ops, [weights, np.float32([1 / 64])])
    return replace(made, dtypes=(DType.F32, DType.U8, DType.F32), features=(INT8,))


@pytest.mark.parametrize(("kernel", "dilation"), [((63, 5), 2), ((5, 63), 2), ((3, 3), 63)])
def test_windows_larger_than_the_image(plans, interpret, isas, kernel, dilation):
    plan = depthwise(plans, 3, kernel, dilation)
    image = np.random.default_rng(1).uniform(-3, 3, (3, 21, 30)).astype(np.float32)
    expected = interpret(plan, image)
    for isa in isas:
        made = NativeRunner(plan.to_bytes(), 2, isa).run(image[None])[0]
        np.testing.assert_array_equal(made, expected, err_msg=isa)


def test_the_largest_windows_take_little_memory(plans, isas):
    """What a thread needs does not grow with channels times the window."""
    plan = depthwise(plans, 256, (63, 63), 2).to_bytes()
    for isa in isas:
        asked = NativeRunner(plan, 1, isa).arena_bytes(9, 9)
        assert asked < 12 << 20, f"{isa}: {asked} bytes"

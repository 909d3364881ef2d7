"""What the engine says of its memory, and when it takes it."""

from __future__ import annotations

import resource

import numpy as np
import pytest

from slsc.errors import UsageError
from slsc.passes.lowering.nmp import ABSENT, Op
from slsc.passes.lowering.nmp_ops import ChannelMean
from slsc.runtime.backends.base import AllocationFailed
from slsc.runtime.backends.native import NativeRunner

pytestmark = pytest.mark.usefixtures("isas")


def test_asking_for_a_size_takes_no_memory(plans):
    runner = NativeRunner(plans.identity(3).to_bytes(), 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    asked = runner.arena_bytes(60000, 60000)
    assert asked >= 3 * 60000 * 4  # rows stream through it
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10_000  # KiB


def test_engine_goes_on_after_it_was_refused_memory(plans):
    limits = resource.getrlimit(resource.RLIMIT_AS)
    channels = plans.plan([1, 1000, 1], [
        Op(plans.conv(1, 1000, (1, 1))),
        Op(ChannelMean(1000), ins=(1, ABSENT), out=2),
    ], [np.ones((1000, 1, 1, 1), np.float32)])  # fmt: skip
    runner = NativeRunner(channels.to_bytes(), 1)
    runner.set_band(2000)
    small, large = np.ones((1, 1, 9, 9), np.float32), np.ones((1, 1, 2000, 2000), np.float32)
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, limits[1]))  # the large one's values take 16 GB
    try:
        with pytest.raises(AllocationFailed):
            runner.run(large)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    np.testing.assert_allclose(runner.run(small), small, rtol=1e-5)


def test_bands_take_less_memory(plans):
    layers = [Op(plans.conv(8, 8), ins=(i, ABSENT), out=i + 1) for i in range(5)]
    runner = NativeRunner(plans.plan([8] * 6, layers, [np.ones((8, 8, 3, 3), np.float32)]).to_bytes(), 1)
    runner.set_band(1000)
    whole = runner.arena_bytes(100, 1000)
    runner.set_band(20)
    assert runner.arena_bytes(100, 1000) < 0.8 * whole  # of which the image is a half
    with pytest.raises(UsageError):
        runner.set_band(-1)

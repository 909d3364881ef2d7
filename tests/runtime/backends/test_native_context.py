"""Engines that share threads and memory."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from slsc.errors import BackendError
from slsc.passes.lowering.nmp import Array, Op, PlanFile
from slsc.passes.lowering.nmp_ops import Combine, Conv
from slsc.runtime.backends.library import library_path
from slsc.runtime.backends.native import NativeRunner
from slsc.runtime.backends.native_context import NativeContext
from slsc.runtime.memory import resident_bytes

pytestmark = pytest.mark.skipif(library_path() is None, reason="the native library was not built")


TASKS = Path("/proc/self/task")


def plan_of(seed: int, channels: int = 8) -> bytes:
    """Three 3x3 convolutions."""
    rng = np.random.default_rng(seed)
    widths = (3, channels, channels, 3)
    arrays, ops = [], []
    for index, (read, made) in enumerate(pairwise(widths)):
        arrays.append(Array((rng.standard_normal((made, read, 3, 3)) / 9).astype("<f4").tobytes()))
        window = (3, 3, 1, 1, 1, 1, 1, 1, 1, 1)
        conv = Conv(read, made, *window, 1, 0, Combine.NONE, 1, weights=index, positions=-1, bias=-1)
        ops.append(Op(conv, ins=(index, -1), out=index + 1))
    return PlanFile(0, 3, 1, 0, widths, tuple(ops), tuple(arrays)).to_bytes()


def threads() -> set[str]:
    return {task.name for task in TASKS.iterdir()}


def test_engines_of_a_context_give_what_they_give_alone():
    plans = [plan_of(seed) for seed in range(4)]
    image = np.random.default_rng(9).random((1, 3, 61, 47), np.float32)
    alone = [NativeRunner(plan, 1).run(image) for plan in plans]
    context = NativeContext(2)
    runners = [NativeRunner(plan, context) for plan in plans]
    start = threading.Barrier(len(runners))

    def run(runner: NativeRunner) -> list[np.ndarray]:
        start.wait()
        return [runner.run(image) for _ in range(20)]

    with ThreadPoolExecutor(len(runners)) as pool:
        for wanted, outputs in zip(alone, pool.map(run, runners), strict=True):
            assert all(np.array_equal(output, wanted) for output in outputs)


@pytest.mark.skipif(not TASKS.is_dir(), reason="the system does not tell of its threads")
def test_engines_of_a_context_share_its_threads():
    before = threads()  # of which some may be about to end
    context = NativeContext(4)
    runners = [NativeRunner(plan_of(seed), context) for seed in range(5)]
    assert len(threads() - before) == 3
    del runners


def test_engines_of_a_context_share_its_memory():
    context = NativeContext(1)
    runners = [NativeRunner(plan_of(seed, channels=64), context) for seed in range(4)]
    for runner in runners:
        runner.set_band(400)
    image = np.zeros((1, 3, 400, 400), np.float32)
    arena = runners[0].arena_bytes(400, 400)
    runners[0].run(image)
    before = resident_bytes()
    for runner in runners[1:]:
        runner.run(image)
    assert resident_bytes() - before < arena / 2


def test_an_engine_outlives_its_context():
    context = NativeContext(2)
    runner = NativeRunner(plan_of(0), context)
    image = np.ones((1, 3, 9, 8), np.float32)
    wanted = runner.run(image)
    context.close()
    assert np.array_equal(runner.run(image), wanted)


@pytest.mark.parametrize("threads", [-1, 1025])
def test_a_number_of_threads_is_refused(threads):
    with pytest.raises(BackendError, match="threads must be in"):
        NativeContext(threads)

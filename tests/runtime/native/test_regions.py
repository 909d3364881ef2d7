"""Passes in which every region takes a candidate of its own."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slsc.runtime.backends.native import NativeRunner

HERE = Path(__file__).resolve().parent

FOLDED = ("ending",)
"""Plans whose last two convolutions may count as one, which the oracle does not know."""

QUICK = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def mixed() -> ModuleType:
    return _module(HERE / "mixed.py")


@pytest.fixture(scope="module")
def interpreter() -> ModuleType:
    return _module(HERE.parents[1] / "passes" / "lowering" / "interpreter.py")


CONVOLVING = (
    "dense_conv", "sparse_conv", "narrow", "combined", "combined_shuffled", "ending", "attention", "network",
    "blocks", "distilling",
)  # fmt: skip


def _case(plans, mixed, kind, seed):
    rng = np.random.default_rng(seed)
    candidates = int(rng.integers(2, 4))
    plan = mixed.laddered(plans.KINDS[kind](rng), rng, candidates)
    if plan.candidates == 1:
        plan = plans.KINDS[kind](rng)
    height, width = (int(each) for each in rng.integers(9, 70, 2))
    size = int(rng.choice([5, 8, 12, 24]))
    image = rng.standard_normal((1, plan.values[0], height, width)).astype(np.float32)
    regions = rng.integers(plan.candidates, size=(-(-height // size), -(-width // size))).astype(np.uint8)
    return plan, image, regions, size


def _runner(plan, size, threads=1, isa=None):
    runner = NativeRunner(plan.to_bytes(), threads, isa)
    runner.set_region(size)
    return runner


@pytest.mark.parametrize("kind", [kind for kind in CONVOLVING if kind not in FOLDED])
@given(seed=st.integers(0, 2**32 - 1))
@QUICK
def test_every_region_takes_its_candidate(plans, isas, mixed, interpreter, kind, seed):
    plan, image, regions, size = _case(plans, mixed, kind, seed)
    expected = mixed.interpret_map(interpreter, plan, image[0], regions, size)
    for isa in isas:
        made = _runner(plan, size, isa=isa).run_map(image, regions)[0]
        tolerance = 2e-5 * max(1, np.abs(expected).max())
        np.testing.assert_allclose(made, expected, rtol=2e-5, atol=tolerance, err_msg=isa)


@pytest.mark.parametrize("kind", CONVOLVING)
@given(seed=st.integers(0, 2**32 - 1))
@QUICK
def test_one_candidate_everywhere_is_its_own_engine(plans, isas, mixed, kind, seed):
    plan, image, regions, size = _case(plans, mixed, kind, seed)
    for isa in isas:
        runner = _runner(plan, size, isa=isa)
        for candidate in range(plan.candidates):
            own = NativeRunner(mixed.alone(plan, candidate).to_bytes(), 1, isa).run(image)
            np.testing.assert_array_equal(runner.run_map(image, np.full_like(regions, candidate)), own)
            runner.set_candidate(candidate)
            np.testing.assert_array_equal(runner.run(image), own)


@pytest.mark.parametrize("kind", CONVOLVING)
@given(seed=st.integers(0, 2**32 - 1))
@QUICK
def test_neither_bands_nor_threads_nor_rows_change_a_bit(plans, isas, mixed, kind, seed):
    plan, image, regions, size = _case(plans, mixed, kind, seed)
    runner = _runner(plan, size)
    runner.set_band(image.shape[2])
    expected = runner.run_map(image, regions)
    threaded = _runner(plan, size, threads=3)
    for band in (1, 5, 12, 24, 0):
        threaded.set_band(band)
        np.testing.assert_array_equal(threaded.run_map(image, regions), expected)
    streamed = np.empty_like(expected)

    def read(first, to):
        to[...] = image[0, :, first : first + to.shape[1]]

    def write(first, rows):
        streamed[0, :, first : first + rows.shape[1]] = rows

    runner.set_band(0)
    for memory in (1, 1 << 30):
        runner.stream_map(*image.shape[2:], regions, expected.shape[1:], memory, read, write)
        np.testing.assert_array_equal(streamed, expected)

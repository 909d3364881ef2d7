from __future__ import annotations

import numpy as np
import pytest

from slsc.errors import UsageError
from slsc.passes.lowering.nmp import PlanFile
from slsc.runtime.backends.library import library_path
from slsc.runtime.backends.native import NativeRunner
from slsc.tools.bench_kernel import Measurement, main, markdown, one_layer


@pytest.mark.parametrize(("n", "m"), [(4, 32), (32, 0)])
def test_one_layer_holds_what_it_says(n: int, m: int) -> None:
    plan = PlanFile.from_bytes(one_layer(64, n))
    assert (plan.values, plan.m, len(plan.ops)) == ((64, 64), m, 1)
    assert len(plan.floats(0)) == 64 * 64 * 9 * n // 32


@pytest.mark.skipif(library_path() is None, reason="the native engine is not built")
@pytest.mark.parametrize("n", [4, 32])
def test_engine_counts_the_kept_multiply_accumulates(n: int) -> None:
    runner = NativeRunner(one_layer(64, n), 1)
    runner.run(np.zeros((1, 64, 12, 10), np.float32))
    assert sum(runner.op_macs()) == 64 * 64 * 9 * n // 32 * 120


def test_markdown_is_of_the_best_run() -> None:
    text = markdown([Measurement(8, 10**9, (0.04, 0.02, 0.05))], 200.0)
    assert "| 8:32 | 40.000 | 20.000 | 100.0 | 50.0% | 400 |" in text


def test_bad_size() -> None:
    assert main(["--size", "x"]) == UsageError.exit_code

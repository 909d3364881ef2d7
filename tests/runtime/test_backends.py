from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from slsc.errors import BackendError, UsageError
from slsc.runtime.backends import AllocationFailed, load_backend


def test_runs_a_network(tiny: SimpleNamespace) -> None:
    runner = load_backend("onnxruntime", 1).load(tiny.identity_network(scale=2))
    batch = np.random.default_rng(0).random((1, 3, 4, 5)).astype(np.float32)
    assert np.array_equal(runner.run(batch), batch.repeat(2, 2).repeat(2, 3))


def test_unknown_backend() -> None:
    with pytest.raises(UsageError, match="use one of native, onnxruntime"):
        load_backend("abacus")


def test_missing_package_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BackendError, match="pip install") as caught:
        load_backend("onnxruntime")
    assert caught.value.exit_code == 4


def test_refuses_rubbish() -> None:
    with pytest.raises(BackendError, match="refuses the engine"):
        load_backend("onnxruntime", 1).load(b"rubbish")


def test_wrong_input_is_a_backend_error(tiny: SimpleNamespace) -> None:
    runner = load_backend("onnxruntime", 1).load(tiny.identity_network())
    with pytest.raises(BackendError, match="failed to run"):
        runner.run(np.zeros((1, 2, 4, 4), np.float32))


def test_a_failed_allocation_is_told_apart(tiny: SimpleNamespace) -> None:
    resource = pytest.importorskip("resource")
    runner = load_backend("onnxruntime", 1).load(tiny.sr_network())
    batch = np.zeros((1, 3, 3000, 3000), np.float32)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), limits[1]))
    try:
        with pytest.raises(AllocationFailed):
            runner.run(batch)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert runner.run(batch[:, :, :8, :8]).shape == (1, 3, 16, 16)

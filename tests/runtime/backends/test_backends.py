from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest

from slsc.errors import BackendError, UsageError
from slsc.runtime import Session
from slsc.runtime.backends import (
    BACKENDS,
    Adjustable,
    AllocationFailed,
    Timed,
    able_to,
    choose_backend,
    load_backend,
    require_accepted,
)
from slsc.runtime.backends.onnxruntime import OnnxRuntimeBackend
from slsc.runtime.bundle.engines import Artefact, Engine


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
    with pytest.raises(BackendError, match="no ONNX file"):
        load_backend("onnxruntime", 1).load(b"rubbish")
    with pytest.raises(BackendError, match="refuses the engine"):
        load_backend("onnxruntime", 1).load(b"")


def test_an_engine_that_names_another_file_is_not_run(
    tiny: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = onnx.load_from_string(tiny.sr_network())
    weight = model.graph.initializer[0]
    (tmp_path / "w.bin").write_bytes(weight.raw_data)
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="w.bin")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BackendError, match=r"not to be run: it keeps weights in another file; do not trust"):
        load_backend("onnxruntime", 1).load(model.SerializeToString())
    monkeypatch.setattr("slsc.runtime.backends.onnxruntime.reason_to_refuse", lambda model: None)
    with pytest.raises(BackendError, match="refuses the engine"):
        load_backend("onnxruntime", 1).load(model.SerializeToString())


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


def test_closed_runners_and_backends_may_be_closed_again(tiny: SimpleNamespace) -> None:
    backend = load_backend("onnxruntime", 1)
    runner = backend.load(tiny.identity_network())
    for closed in (runner, runner, backend, backend):
        closed.close()


class Other(OnnxRuntimeBackend):
    """A backend of its own kind, which holds ONNX."""

    name, kind, install = "other", "other-kind", "pip install other"
    missing: str | None = None

    def available(self) -> str | None:
        return self.missing


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> type[Other]:
    """Entered as a backend, of the least preference."""
    monkeypatch.setitem(BACKENDS, "other", Other)
    monkeypatch.setattr(Other, "missing", None)
    return Other


def engine(tiny: SimpleNamespace, *kinds: str, **refusals: str) -> Engine:
    artefacts = {kind: Artefact("engines/1-8.onnx") for kind in kinds}
    return replace(tiny.manifest().engines[0], artefacts=artefacts, refusals=refusals)


def test_the_first_backend_that_accepts_and_is_there_is_chosen(
    tiny: SimpleNamespace, other: type[Other], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert choose_backend(engine(tiny, "onnx", "other-kind")).name == "onnxruntime"
    assert choose_backend(engine(tiny, "other-kind")).name == "other"
    monkeypatch.setattr(other, "missing", "its driver is missing")
    wanted = r"native: Einsum 'x'; .*other: its driver is missing; pip install other"
    with pytest.raises(BackendError, match=wanted):
        choose_backend(engine(tiny, "other-kind", native="Einsum 'x'"))
    with pytest.raises(BackendError, match="no backend can run engine 1-8"):
        choose_backend(engine(tiny, "unheard-of"))
    with pytest.raises(BackendError, match=r"other is not available: its driver is missing; pip install other"):
        load_backend("other")


def test_a_refusal_says_why_and_who_would(tiny: SimpleNamespace) -> None:
    backend = BACKENDS["native"](0)
    with pytest.raises(BackendError, match=r"Einsum 'x'; use --backend onnxruntime"):
        require_accepted(backend, engine(tiny, "onnx", native="Einsum 'x'"))
    require_accepted(backend, engine(tiny, "onnx", "native"))


def test_a_session_runs_a_backend_that_was_entered(
    make_bundle: Callable[..., Path], tiny: SimpleNamespace, other: type[Other]
) -> None:
    manifest = replace(tiny.manifest(), engines=(engine(tiny, "onnx", "other-kind"),))
    image = np.random.default_rng(0).integers(0, 256, (9, 8, 3), np.uint8)
    path = make_bundle(manifest=manifest)
    with Session(path, backend="other") as session:
        assert session.backend == "other"
        assert np.array_equal(session.restore(image), Session(path, backend="onnxruntime").restore(image))


def test_what_runners_can_do() -> None:
    assert able_to(Adjustable) == able_to(Timed) == ["native"]


def test_more_threads_than_the_system_gives(make_bundle) -> None:
    script = (
        "import resource, sys; import onnxruntime; from slsc.runtime.session import Session\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30),) * 2)\n"
        "Session(sys.argv[1], backend='onnxruntime', threads=1000)\n"
    )
    if not Path("/proc/self/statm").exists():
        pytest.skip("the system does not tell what it gave")
    done = subprocess.run([sys.executable, "-c", script, str(make_bundle())], capture_output=True, text=True)
    assert "BackendError: ONNX Runtime cannot be started: the system gives no 1000 threads" in done.stderr


def test_a_refused_engine_leaves_nothing_to_say(monkeypatch) -> None:
    said: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    with pytest.raises(BackendError):
        load_backend("onnxruntime", 1).load(b"no network")
    assert not said

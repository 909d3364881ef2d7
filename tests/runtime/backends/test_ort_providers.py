"""Execution providers: believed once they have run a network rightly, and left only where that was asked for.

There is no GPU here. What ONNX Runtime does with one is played by sessions of the CPU that fail as it does; the
library of a plugin is a file that cannot be loaded.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from slsc.errors import BackendError, UsageError
from slsc.runtime import Session
from slsc.runtime.backends import load_backend
from slsc.runtime.backends.ort_providers import PROVIDERS
from slsc.runtime.capi import Library, Status

CUDA = PROVIDERS["cuda"].ort


class Posing:
    """A session of the CPU that says it is of CUDA, which `spoil` may break."""

    def __init__(self, model: bytes, options: Any, spoil: Callable[[Any], Any], providers: list[str]) -> None:
        self._inner = ort.InferenceSession._real(model, options, providers=["CPUExecutionProvider"])
        self._spoil, self._providers = spoil, providers

    def get_providers(self) -> list[str]:
        return self._providers

    def get_inputs(self) -> Any:
        return self._inner.get_inputs()

    def get_outputs(self) -> Any:
        return self._inner.get_outputs()

    def run(self, names: Any, feeds: Any) -> Any:
        return [self._spoil(self._inner.run(names, feeds)[0])]


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let ONNX Runtime list CUDA, and make sessions of it that are spoilt."""
    real = ort.InferenceSession

    def make(spoil: Callable[[Any], Any] = lambda output: output, left_out: bool = False) -> None:
        def session(model: bytes, options: Any, providers: Any = None, **more: Any) -> Any:
            if not providers or providers[0][0] != CUDA:
                return real(model, options, providers=providers, **more)
            return Posing(model, options, spoil, ["CPUExecutionProvider"] if left_out else [CUDA])

        session._real = real  # type: ignore[attr-defined]
        monkeypatch.setattr(ort, "InferenceSession", session)
        monkeypatch.setattr(ort, "get_available_providers", lambda: [CUDA, "CPUExecutionProvider"])

    return make


def no_kernel(output: Any) -> Any:
    raise RuntimeError("CUDA error cudaErrorNoKernelImageForDevice: no kernel image is available")


def test_one_that_computes_what_the_cpu_does_is_taken(tiny: SimpleNamespace, cuda: Callable[..., None]) -> None:
    cuda(lambda output: output * np.float32(1 + 1e-6))
    backend = load_backend("onnxruntime:cuda", 1)
    assert backend.name == "onnxruntime:cuda"
    runner = backend.load(tiny.sr_network())
    assert runner.provider.name == "cuda"
    assert runner.run(np.zeros((1, 3, 8, 8), np.float32)).shape == (1, 3, 16, 16)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"spoil": no_kernel}, "fails to run the engine: .*NoKernelImage.*cuda,cpu"),
        ({"spoil": lambda output: output + 1}, "computes something else: .* dB"),
        ({"spoil": lambda output: output * np.float32("nan")}, "computes something else"),
        ({"spoil": lambda output: output[:, :, 1:]}, "computes something else"),
        ({"left_out": True}, "left it out without an error"),
    ],
)
def test_one_that_is_listed_and_fails(
    tiny: SimpleNamespace, cuda: Callable[..., None], caplog: pytest.LogCaptureFixture, how: dict[str, Any], words: str
) -> None:
    cuda(**how)
    with pytest.raises(BackendError, match=words) as caught:
        load_backend("onnxruntime:cuda", 1).load(tiny.sr_network())
    assert caught.value.exit_code == 4
    with caplog.at_level(logging.WARNING):
        runner = load_backend("onnxruntime:cuda,cpu", 1).load(tiny.sr_network())
    assert runner.provider.name == "cpu"
    assert "falling back to cpu: the provider cuda" in caplog.text


def test_what_is_not_installed_is_missing(tiny: SimpleNamespace, caplog: pytest.LogCaptureFixture) -> None:
    for name, package in (("cuda", "slsc\\[gpu\\]"), ("tensorrt", "TensorRT"), ("nv-tensorrt-rtx", "plugin|ep-nv")):
        if PROVIDERS[name].missing() is None:
            pytest.skip(f"{name} is installed here")
        with pytest.raises(BackendError, match=f"not available: .*{package}") as caught:
            load_backend(f"onnxruntime:{name}")
        assert caught.value.exit_code == 4
    with caplog.at_level(logging.WARNING):
        assert load_backend("onnxruntime:cuda,cpu", 1).load(tiny.sr_network()).provider.name == "cpu"
    assert "falling back" in caplog.text


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The package of a plugin whose library cannot be loaded."""
    (tmp_path / "broken.so").write_bytes(b"no library")
    module = ModuleType("onnxruntime_ep_nv_tensorrt_rtx")
    module.get_library_path = lambda: str(tmp_path / "broken.so")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)


def test_a_plugin_that_cannot_be_loaded(tiny: SimpleNamespace, plugin: None) -> None:
    backend = load_backend("onnxruntime:nv-tensorrt-rtx", 1)
    with pytest.raises(BackendError, match=r"nv-tensorrt-rtx is not available: .*broken\.so") as caught:
        backend.load(tiny.sr_network())
    assert caught.value.exit_code == 4


def test_a_plugin_without_a_device(tiny: SimpleNamespace, plugin: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ort, "register_execution_provider_library", lambda name, path: None)
    with pytest.raises(BackendError, match="finds no GPU"):
        load_backend("onnxruntime:nv-tensorrt-rtx", 1).load(tiny.sr_network())


def test_an_onnxruntime_without_plugins(tiny: SimpleNamespace, plugin: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(ort, "register_execution_provider_library")
    with pytest.raises(BackendError, match="takes no providers from libraries; pip install -U onnxruntime"):
        load_backend("onnxruntime:nv-tensorrt-rtx", 1).load(tiny.sr_network())


@pytest.mark.parametrize("name", ["onnxruntime:", "onnxruntime:gpu", "onnxruntime:cpu,cpu", "native:cpu", "x:cpu"])
def test_what_is_no_provider(name: str) -> None:
    with pytest.raises(UsageError):
        load_backend(name)


def test_sessions_say_what_runs(make_bundle: Callable[..., Path], cuda: Callable[..., None]) -> None:
    path = make_bundle()
    image = np.zeros((8, 8, 3), np.uint8)
    with Session(path, backend="onnxruntime:cpu") as session:
        assert session.backend == "onnxruntime"
    cuda()
    with Session(path, backend="onnxruntime:cuda,cpu") as session:
        assert session.backend == "onnxruntime:cuda"
        assert session.restore(image).shape == (16, 16, 3)
    cuda(no_kernel)
    with Session(path, backend="onnxruntime:cuda,cpu") as session:
        assert session.backend == "onnxruntime"
    with pytest.raises(BackendError):
        Session(path, backend="onnxruntime:cuda")


def test_in_the_manner_of_c(make_bundle: Callable[..., Path]) -> None:
    if PROVIDERS["cuda"].missing() is None:
        pytest.skip("CUDA is installed here")
    library = Library()
    _, handle = library.open(str(make_bundle()))
    assert library.set(handle, "backend", "onnxruntime:cuda") == Status.NO_BACKEND
    assert "pip install 'slsc[gpu]'" in library.error(handle)
    assert library.set(handle, "backend", "onnxruntime:cuda,cpu") == Status.OK
    assert library.set(handle, "backend", "onnxruntime:gpu") == Status.BAD_ARGUMENT
    library.close(handle)

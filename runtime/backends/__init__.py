"""Inference backends behind one small interface; `load_backend` makes them by name."""

from __future__ import annotations

from collections.abc import Mapping

from slsc.errors import BackendError, UsageError
from slsc.runtime.backends.base import (
    Adjustable,
    AllocationFailed,
    Backend,
    NodeTimes,
    Regional,
    Runner,
    Timed,
    Traceable,
)
from slsc.runtime.backends.native_backend import NativeBackend
from slsc.runtime.backends.onnxruntime import OnnxRuntimeBackend
from slsc.runtime.backends.ort_providers import parse_providers
from slsc.runtime.backends.tensorrt.backend import TensorRtBackend, TensorRtRtxBackend
from slsc.runtime.bundle.engines import Engine

__all__ = [
    "BACKENDS",
    "Adjustable",
    "AllocationFailed",
    "Backend",
    "NodeTimes",
    "Regional",
    "Runner",
    "Timed",
    "Traceable",
    "able_to",
    "choose_backend",
    "load_backend",
    "require_accepted",
]

BACKENDS: Mapping[str, type[Backend]] = {
    NativeBackend.name: NativeBackend,
    OnnxRuntimeBackend.name: OnnxRuntimeBackend,
    TensorRtBackend.name: TensorRtBackend,
    TensorRtRtxBackend.name: TensorRtRtxBackend,
}
"""The backends by name; the first that can runs an engine, unless another is asked for."""


def load_backend(name: str, threads: int = 0) -> Backend:
    """The backend of that name, of its own threads (0: one per core).

    Args:
        name: of `BACKENDS`; "onnxruntime:cuda,cpu" is ONNX Runtime with providers of
            `slsc.runtime.backends.ort_providers.PROVIDERS`, in order of preference.
        threads: see above.

    Raises:
        UsageError: there is no such backend, or no such provider.
        BackendError: it is not available on this machine.
    """
    base, with_providers, providers = name.partition(":")
    if base not in BACKENDS or (with_providers and base != OnnxRuntimeBackend.name):
        raise UsageError(f"unknown backend {name!r}", hint=f"use one of {', '.join(BACKENDS)}")
    if with_providers:
        backend: Backend = OnnxRuntimeBackend(threads, parse_providers(providers))
    else:
        backend = BACKENDS[base](threads)
    if why := backend.available():
        raise BackendError(f"the backend {name} is not available", why=why, hint=backend.install)
    return backend


def choose_backend(engine: Engine, threads: int = 0) -> Backend:
    """The first backend that accepts an engine and is available.

    Raises:
        BackendError: there is none; says why of each, and what to install.
    """
    backends = [make(threads) for make in BACKENDS.values()]
    accepting = [backend for backend in backends if backend.accepts(engine) is None]
    for backend in accepting:
        if backend.available() is None:
            return backend
    reasons = [f"{backend.name}: {backend.accepts(engine) or backend.available()}" for backend in backends]
    hint = accepting[0].install if accepting else "upgrade: pip install --upgrade slsc"
    raise BackendError(f"no backend can run engine {engine.name}", why="; ".join(reasons), hint=hint)


def require_accepted(backend: Backend, engine: Engine) -> None:
    """Refuse an engine that a backend does not accept.

    Raises:
        BackendError: says why, and which backend would.
    """
    if (why := backend.accepts(engine)) is None:
        return
    others = [name for name, make in BACKENDS.items() if make(0).accepts(engine) is None]
    hint = f"use --backend {others[0]}" if others else "compile it again"
    raise BackendError(f"the backend {backend.name} cannot run engine {engine.name}", why=why, hint=hint)


def able_to(capability: type) -> list[str]:
    """Names of the backends that have a capability, or whose runners have it: `Adjustable`, `Timed`, `Traceable` …"""
    return [
        name
        for name, backend in BACKENDS.items()
        if any(issubclass(it, capability) for it in (backend, backend.runner))
    ]

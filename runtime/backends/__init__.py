"""Inference backends behind one small interface; `load_backend` finds them by name."""

from __future__ import annotations

from importlib import import_module

from slsc.errors import BackendError, UsageError
from slsc.runtime.backends.base import Adjustable, AllocationFailed, Backend, Runner
from slsc.runtime.backends.library import library_path
from slsc.runtime.bundle.manifest import Engine

__all__ = ["BACKENDS", "Adjustable", "AllocationFailed", "Backend", "Runner", "default_backend", "load_backend"]

BACKENDS = {
    "native": ("slsc.runtime.backends.native", "slsc"),
    "onnxruntime": ("slsc.runtime.backends.onnxruntime", "slsc"),
}
"""Backend name -> the module that offers it, and what to `pip install` for it. A module's `BACKEND` is the backend."""


def default_backend(engine: Engine) -> str:
    """Name of the backend that runs an engine when none is asked for: native where it can."""
    return "native" if engine.plan_file is not None and library_path() is not None else "onnxruntime"


def load_backend(name: str) -> Backend:
    """The backend of that name.

    Raises:
        UsageError: there is no such backend.
        BackendError: it needs a package that is not installed, or that cannot be loaded on this machine.
    """
    if name not in BACKENDS:
        raise UsageError(f"unknown backend {name!r}", hint=f"use one of {', '.join(BACKENDS)}")
    module, requirement = BACKENDS[name]
    try:
        backend: Backend = import_module(module).BACKEND
    except ImportError as error:
        raise BackendError(
            f"the backend {name} cannot be loaded", why=str(error), hint=f"pip install '{requirement}'"
        ) from error
    return backend

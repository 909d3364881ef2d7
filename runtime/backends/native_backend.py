"""The native engine as a backend: it runs the plan files of a bundle."""

from __future__ import annotations

from slsc.errors import BackendError
from slsc.runtime.backends.base import Runner, missing_artefact
from slsc.runtime.backends.library import REINSTALL, load_library
from slsc.runtime.backends.native import NativeRunner
from slsc.runtime.backends.native_calls import Precision
from slsc.runtime.backends.native_context import NativeContext
from slsc.runtime.bundle.engines import Engine


class NativeBackend:
    """The native engine. It runs the plan files that compilation stores beside the engines it can lower.

    Its runners share a context: one pool of threads, and one memory for the image at hand.
    """

    name = kind = "native"
    install = REINSTALL
    runner: type[Runner] = NativeRunner

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._context: NativeContext | None = None

    def available(self) -> str | None:
        """See `Backend.available`: where its library was built."""
        try:
            load_library()
        except BackendError as error:
            return error.why
        return None

    def accepts(self, engine: Engine) -> str | None:
        """See `Backend.accepts`: an engine that could be lowered to a plan file."""
        return missing_artefact(engine, self.kind)

    def load(self, artefact: bytes) -> NativeRunner:
        """Prepare an engine, given as the bytes of its plan file; see `Backend.load`."""
        if self._context is None:
            self._context = NativeContext(self._threads)
        runner = NativeRunner(artefact, self._context)
        runner.set_precision(Precision.FASTEST)
        return runner

    def close(self) -> None:
        """Give the context back; see `Backend.close`."""
        if self._context:
            self._context.close()
        self._context = None

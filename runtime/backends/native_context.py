"""Threads and memory of the native engine, which several engines share."""

from __future__ import annotations

from ctypes import byref, c_void_p

from slsc.errors import BackendError
from slsc.runtime.backends.library import load_library


class NativeContext:
    """A `slsc_context` of native.h. Engines opened with it take turns; it may go before they do.

    Args:
        threads: 0 for one per core.

    Raises:
        BackendError: the library is missing, or there are no such threads to be had.
    """

    def __init__(self, threads: int) -> None:
        self.handle = c_void_p()
        self._native = load_library()
        if self._native.slsc_context_create(threads, byref(self.handle)):
            why = self._native.slsc_last_error(None).decode(errors="replace")
            raise BackendError("the native engine cannot be started", why=why, hint="use fewer threads")

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Give back what no engine holds on to."""
        if self.handle:
            self._native.slsc_context_free(self.handle)
        self.handle = c_void_p()

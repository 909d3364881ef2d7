"""A lock that a process forked meanwhile cannot hang on."""

from __future__ import annotations

import os
import threading

from slsc.errors import UsageError


class ProcessLock:
    """A lock of the process that made it, used in `with`.

    In a process that is forked while another thread holds it, nobody would ever give it back, and the threads of
    backends are not there either. In a forked process it therefore raises.

    Args:
        what: what it guards, as the error calls it.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._process = os.getpid()
        self._lock = threading.Lock()

    @property
    def forked(self) -> bool:
        """Whether this process was forked from the lock's own."""
        return os.getpid() != self._process

    def __enter__(self) -> None:
        if self.forked:
            raise UsageError(
                f"{self._what} belongs to another process",
                why="this one was forked from it, without its threads",
                hint="open it in this process, or start processes with the method 'spawn'",
            )
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

"""Being told to stop, without stopping in the middle of a step."""

from __future__ import annotations

import signal
import threading
from types import FrameType


class Interruption:
    """Notes the first SIGINT or SIGTERM instead of obeying it at once; a second SIGINT interrupts as usual.

    A context manager. Only the main thread can do so; elsewhere it does nothing.

    Args:
        active: False leaves signals alone.
    """

    def __init__(self, *, active: bool) -> None:
        self.told = False
        self._active = active and threading.current_thread() is threading.main_thread()
        self._previous: dict[int, object] = {}

    def __enter__(self) -> Interruption:
        if self._active:
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.told and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.told = True

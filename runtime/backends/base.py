"""What a backend must offer to run a bundle's engines."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from slsc.runtime.bundle.manifest import Engine

Batch = npt.NDArray[np.float32]
"""NCHW float32 in the network's own value range."""


class AllocationFailed(Exception):
    """The backend could not allocate memory for a run; a smaller tile may succeed."""


class Runner(Protocol):
    """One loaded engine."""

    def run(self, image: Batch) -> Batch:
        """Run the network once.

        Raises:
            AllocationFailed: out of memory; nothing was computed.
            BackendError: any other failure.
        """
        ...

    def run_bytes(self, engine: Engine, height: int, width: int) -> int:
        """Most bytes a run on height x width pixels holds, its output included; `engine` is the loaded one's record.

        Raises:
            AllocationFailed, BackendError: as `run`.
        """
        ...


@runtime_checkable
class Adjustable(Protocol):
    """A runner whose N can be lowered while it runs."""

    def set_capacity(self, capacity: int) -> None:
        """Keep at most `capacity` of every M weights in each sparse layer, the most important; 0: all there are.

        Raises:
            UsageError: `capacity` is out of range.
        """
        ...


class Backend(Protocol):
    """A way to execute engines."""

    name: str

    def file_of(self, engine: Engine) -> str:
        """The bundle's entry that holds what this backend loads.

        Raises:
            BackendError: the bundle holds nothing of the kind for this engine.
        """
        ...

    def load(self, engine: bytes, threads: int) -> Runner:
        """Prepare an engine, given as the content of `file_of`, for `threads` threads (0: one per core).

        Raises:
            BackendError: the backend does not take this engine.
        """
        ...

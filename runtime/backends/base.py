"""What a backend must offer to run a bundle's engines."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

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


class Backend(Protocol):
    """A way to execute engines."""

    name: str

    def load(self, engine: bytes, threads: int) -> Runner:
        """Prepare an engine, given as an ONNX file's bytes, for `threads` threads (0: one per core).

        Raises:
            BackendError: the backend does not take this engine.
        """
        ...

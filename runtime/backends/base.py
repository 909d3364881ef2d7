"""What a backend must offer to run a bundle's engines, and what its runners may offer besides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from slsc.errors import BackendError
from slsc.runtime.bundle.engines import Engine

Batch = npt.NDArray[np.float32]
"""NCHW float32 in the network's own value range."""


class AllocationFailed(Exception):
    """The backend could not allocate memory for a run; a smaller tile may succeed."""


class Runner(Protocol):
    """One loaded engine. Threads may share it."""

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

    def close(self) -> None:
        """Give back what it holds; it cannot run any more. Closing twice does no harm."""
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


@runtime_checkable
class Timed(Protocol):
    """A runner that tells what each operation of its artefact took in the last run."""

    def op_seconds(self) -> list[float]:
        """Seconds by operation."""
        ...

    def op_macs(self) -> list[int]:
        """Multiply-accumulates by operation, pruned ones left out."""
        ...


@dataclass(frozen=True)
class NodeTimes:
    """What one node of an engine took, as its backend runs it.

    Attributes:
        what: its kind and name, in the backend's words.
        seconds: by run.
        macs: multiply-accumulates of a run, pruned ones with them; None where the backend does not tell.
    """

    what: str
    seconds: tuple[float, ...]
    macs: int | None


@runtime_checkable
class Traceable(Protocol):
    """A backend that tells what each node of an engine takes, in runs made for that alone: telling it costs time."""

    def trace(self, artefact: bytes, image: Batch, warm_up: int, runs: int) -> list[NodeTimes]:
        """Run an engine `warm_up` + `runs` times, of which the last count.

        Args:
            artefact: as for `Backend.load`.
            image: what it is given.
            warm_up: runs before those that count.
            runs: at least 1.

        Returns:
            Its nodes, in the order in which they run.

        Raises:
            AllocationFailed, BackendError: as `Backend.load` and `Runner.run`, or there is nothing to be told.
        """
        ...


ReadRows = Callable[[int, npt.NDArray[np.float32]], None]
"""First row, and the array (channels, rows, width) to fill."""

WriteRows = Callable[[int, npt.NDArray[np.float32]], None]
"""First row, and the rows (channels, rows, width), which are there for the call only."""


@runtime_checkable
class Streaming(Protocol):
    """A runner that restores images of any height in bounded memory: rows enter and leave from top to bottom."""

    def stream_bytes(self, height: int, width: int, memory: int) -> tuple[int, int]:
        """What `stream` takes for an image of this size, where it should get by with `memory` bytes.

        Returns:
            Bytes, which may be more than that; and rows of the image: what one call of `write` gets is made of so many.

        Raises:
            AllocationFailed, BackendError: as `run`.
        """
        ...

    def stream(
        self, height: int, width: int, shape: tuple[int, int, int], memory: int, read: ReadRows, write: WriteRows
    ) -> None:
        """Run the network once, to the bit as `run` does.

        Args:
            height, width: of the image.
            shape: channels, height and width that the output must have.
            memory: as for `stream_bytes`.
            read: gives rows of the image. What it or `write` raises ends the run, and comes out of it.
            write: takes rows of the output.

        Raises:
            AllocationFailed: out of memory; nothing was computed.
            BackendError: any other failure.
        """
        ...


RegionMap = npt.NDArray[np.uint8]
"""Candidates by rows and columns of regions of an image; `LEFT_OUT` where nothing is wanted."""

LEFT_OUT = 255
"""In a map: nothing is wanted of the region. It is computed as far as its neighbours depend on it."""

RIM = 2
"""Input pixels beyond regions that are wanted which come out as well."""


@runtime_checkable
class Regional(Protocol):
    """A runner that holds several candidates, networks of one topology, and gives each region of an image its own.

    Regions are rectangles of input pixels, those at the lower and right border cut off by it.
    """

    def candidates(self) -> int:
        """How many there are, the cheapest first; 1 where its artefact holds one network."""
        ...

    def set_candidate(self, candidate: int) -> None:
        """Which one runs without a map run with; at first the last.

        Raises:
            UsageError: there is no such candidate.
        """
        ...

    def set_region(self, height: int, width: int) -> None:
        """Set the size of a region, 1..4096 a side; at first 24 and 32. Widths that are multiples of 16 are faster.

        Raises:
            UsageError: it is out of range.
        """
        ...

    def regions(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of a map for an image of this size."""
        ...

    def candidate_macs(self, height: int, width: int) -> list[int]:
        """Multiply-accumulates by candidate for a whole image of this size.

        Raises:
            AllocationFailed, BackendError: as `Runner.run`.
        """
        ...

    def everywhere_macs(self, height: int, width: int) -> int:
        """Of those of the cheapest candidate, what `run_map` takes of regions that are left out as of all others.

        All that comes before a mean over the image is computed everywhere.

        Raises:
            AllocationFailed, BackendError: as `Runner.run`.
        """
        ...

    def run_map(self, image: Batch, regions: RegionMap) -> Batch:
        """Run the network once on each image of a batch, every region with the candidate that the map has for it.

        With one candidate everywhere the result is that candidate's, to the bit. Regions that are left out come out as
        0, beyond the rims of others.

        Raises:
            UsageError: the map has another size, or names a candidate that there is not.
            AllocationFailed, BackendError: as `Runner.run`.
        """
        ...

    def stream_map_bytes(self, height: int, width: int, memory: int) -> tuple[int, int]:
        """What `stream_map` takes; see `Streaming.stream_bytes`."""
        ...

    def stream_map(
        self,
        height: int,
        width: int,
        regions: RegionMap,
        shape: tuple[int, int, int],
        memory: int,
        read: ReadRows,
        write: WriteRows,
    ) -> None:
        """As `Streaming.stream`, to the bit as `run_map` does.

        Raises:
            UsageError, AllocationFailed, BackendError: as `run_map`.
        """
        ...


class Backend(Protocol):
    """A way to execute engines, on threads of its own.

    It is made with a number of threads (0: one per core), which its runners share; making one is cheap, and needs
    nothing installed.

    Attributes:
        name: what users call it.
        kind: of the artefacts it loads; see `slsc.runtime.bundle.engines.Engine`.
        install: what to type where it is not available.
        runner: class of its runners, which shows what they can do: be `Adjustable`, `Timed`, `Streaming`.
    """

    name: str
    kind: str
    install: str
    runner: type[Runner]

    def __init__(self, threads: int) -> None: ...

    def available(self) -> str | None:
        """None where it can run on this machine; else why it cannot."""
        ...

    def accepts(self, engine: Engine) -> str | None:
        """None where it can run an engine; else why it cannot. Whether it is available is another matter."""
        ...

    def load(self, artefact: bytes) -> Runner:
        """Prepare an engine, given as the content of its artefact of the backend's `kind`.

        Raises:
            BackendError: the backend is not available, or does not take this engine.
        """
        ...

    def close(self) -> None:
        """Give back what its runners share; they are closed before. Closing twice does no harm."""
        ...


def wrong_size(found: Sequence[int], expected: Sequence[int]) -> BackendError:
    """That a network's output is no such array."""
    return BackendError(
        "the network returned another size than its bundle says",
        why=f"{list(found)} instead of {list(expected)}",
        hint="check the bundle with `slsc check`",
    )


def missing_artefact(engine: Engine, kind: str) -> str | None:
    """Why an engine has no artefact of a kind; None where it has: what most backends accept."""
    if kind in engine.artefacts:
        return None
    return engine.refusals.get(kind, f"the bundle holds nothing of the kind {kind} for it")

"""The runtime in the manner of a C library: opaque integer handles, plain buffers, a status from every call.

No exception leaves a call, and there is no global state: handles belong to the `Library` that gave them out. As in
SQLite, opening hands out a handle even when it fails, so that the error can be read; close it in either case.

    library = Library()
    status, handle = library.open("net.slsb")
    status = library.set(handle, "memory", "512MiB")
    status = library.run(handle, pixels, height, width, 3, U8, restored)
    print(library.error(handle))
    library.close(handle)
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any, TypeAlias

import numpy as np

from slsc.errors import SlscError, UsageError
from slsc.runtime.memory import parse_bytes
from slsc.runtime.session import Session

U8, U16, F32 = 0, 1, 2
"""Codes of the sample types: 8 and 16 bit over their full range, float32 in 0..1; native byte order."""

SAMPLE_TYPES = {U8: np.uint8, U16: np.uint16, F32: np.float32}


class Status(IntEnum):
    """What a call returns; 1 to 4 are the exit codes of the command line."""

    OK = 0
    CHECK_FAILED = 1
    """The bundle is damaged, or the network's output is not usable."""
    BAD_ARGUMENT = 2
    """An argument, an option or the image cannot be used."""
    OUT_OF_RESOURCES = 3
    """Memory does not suffice, or exact output is impossible within it."""
    NO_BACKEND = 4
    """The backend is missing, or refuses the engine."""
    BAD_HANDLE = 5
    """The handle is not open, or its opening failed."""
    FAULT = 70
    """A fault in slsc itself."""


Buffer: TypeAlias = Any
"""Anything with the buffer protocol: bytes, bytearray, memoryview, array.array, a ctypes array, an ndarray."""


def _optional(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: None if text == "" else read(text)


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("use 0 or 1")
    return text == "1"


OPTIONS: dict[str, Callable[[str], Any]] = {
    "backend": _optional(str),
    "engine": _optional(str),
    "threads": int,
    "memory": _optional(parse_bytes),
    "tile": _optional(int),
    "exact": _flag,
    "capacity": _optional(int),
}
"""Options of `slsc.runtime.options.Options`, each written as text; an empty text asks for the default."""


@dataclass
class _Opened:
    session: Session | None = None
    error: str = ""


class Library:
    """A table of open bundles. Every method may be called from any thread."""

    def __init__(self) -> None:
        # No lock, on which a process forked meanwhile might wait for ever: each of these is used in one step.
        self._opened: dict[int, _Opened] = {}
        self._handles = itertools.count(1)

    def open(self, path: str) -> tuple[int, int]:
        """Open a bundle with default options; returns a status and a handle, which is to be closed in any case."""
        opened, handle = _Opened(), next(self._handles)
        self._opened[handle] = opened
        with _reported(opened) as status:
            opened.session = Session(path)
        return status[0], handle

    def close(self, handle: int) -> int:
        """Forget a handle and give back what its bundle holds, once a call in progress on another thread has ended."""
        opened = self._opened.pop(handle, None) if isinstance(handle, int) else None
        if opened is None:
            return Status.BAD_HANDLE
        if opened.session:
            opened.session.close()
        return Status.OK

    def error(self, handle: int) -> str:
        """Text of the last call on the handle that did not return OK; empty when there was none, or no such handle."""
        return self._session(handle)[0].error

    def set(self, handle: int, option: str, value: str) -> int:
        """Set an option of `OPTIONS`."""
        opened, session = self._session(handle)
        if session is None:
            return Status.BAD_HANDLE
        with _reported(opened) as status:
            if option not in OPTIONS:
                raise UsageError(f"there is no option {option!r}", hint=f"use one of {', '.join(OPTIONS)}")
            try:
                parsed = OPTIONS[option](value)
            except ValueError as error:
                raise UsageError(f"cannot set {option} to {value!r}", why=str(error)) from None
            session.configure(**{option: parsed})
        return status[0]

    def get(self, handle: int, name: str) -> tuple[int, str]:
        """An option, or one of the read-only `scale`, `channels`, `engines` (comma-separated), as text."""
        opened, session = self._session(handle)
        if session is None:
            return Status.BAD_HANDLE, ""
        value = ""
        with _reported(opened) as status:
            known = _readable(session)
            if name not in known:
                raise UsageError(f"there is nothing called {name!r}", hint=f"use one of {', '.join(known)}")
            value = known[name]
        return status[0], value

    def run(
        self, handle: int, pixels: Buffer, height: int, width: int, channels: int, sample_type: int, restored: Buffer
    ) -> int:
        """Restore an image from one buffer into another.

        Args:
            handle: of an open bundle.
            pixels: height * width * channels samples, rows from top to bottom, channels interleaved.
            height: rows.
            width: pixels a row.
            channels: 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha.
            sample_type: `U8`, `U16` or `F32`.
            restored: writable; receives the same layout, height and width times the scale. Untouched on failure.
        """
        opened, session = self._session(handle)
        if session is None:
            return Status.BAD_HANDLE
        with _reported(opened) as status:
            scale = session.manifest.io.scale
            image = _as_array(pixels, (height, width, channels), sample_type)
            target = _as_array(restored, (height * scale, width * scale, channels), sample_type)
            if not target.flags.writeable:
                raise UsageError("the output buffer is read-only")
            target[...] = session.restore(image)
        return status[0]

    def _session(self, handle: int) -> tuple[_Opened, Session | None]:
        opened = self._opened.get(handle) if isinstance(handle, int) else None
        return opened or _Opened(), opened.session if opened else None


def _readable(session: Session) -> dict[str, str]:
    options = {name: _as_text(value) for name, value in asdict(session.options).items()}
    io, engines = session.manifest.io, session.manifest.engines
    names = ",".join(engine.name for engine in engines)
    return {**options, "scale": str(io.scale), "channels": str(io.channels), "engines": names}


def _as_text(value: Any) -> str:
    return "" if value is None else str(int(value)) if isinstance(value, bool) else str(value)


def _as_array(buffer: Buffer, shape: tuple[int, int, int], sample_type: int) -> np.ndarray[Any, Any]:
    if sample_type not in SAMPLE_TYPES:
        raise UsageError(f"unknown sample type {sample_type}", hint="use U8 = 0, U16 = 1 or F32 = 2")
    if min(shape) < 1:
        raise UsageError(f"height, width and channels must be positive, got {shape}")
    try:
        flat = np.frombuffer(buffer, SAMPLE_TYPES[sample_type])
    except (ValueError, TypeError, BufferError) as error:
        raise UsageError("the buffer cannot be used", why=str(error)) from None
    needed = shape[0] * shape[1] * shape[2]
    if flat.size != needed:
        raise UsageError("the buffer has the wrong size", why=f"it holds {flat.size} samples, {needed} are needed")
    return flat.reshape(shape)


@contextmanager
def _reported(opened: _Opened) -> Iterator[list[int]]:
    """Turn an exception into a status, the only element of the list, and into the handle's error text."""
    status: list[int] = [Status.OK]
    try:
        yield status
    except SlscError as error:
        status[0], opened.error = Status(error.exit_code), str(error)
    except MemoryError:
        status[0], opened.error = Status.OUT_OF_RESOURCES, "out of memory"
    except Exception as error:
        status[0], opened.error = Status.FAULT, f"a fault in slsc itself: {type(error).__name__}: {error}"

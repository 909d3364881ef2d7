"""What the calls of `slsc/native.h` take and return: its status codes, and arrays and functions as C has them."""

from __future__ import annotations

from collections.abc import Callable
from ctypes import POINTER, c_float, c_uint8
from enum import IntEnum
from typing import Any

import numpy as np

from slsc.errors import BackendError, UsageError
from slsc.runtime.backends.base import AllocationFailed, Batch, ReadRows, RegionMap


class Status(IntEnum):
    """`slsc_status` of native.h."""

    OK = 0
    BAD_PLAN = 1
    BAD_ARGUMENT = 2
    BAD_SIZE = 3
    NO_MEMORY = 4
    UNSUPPORTED = 5
    NO_THREADS = 6
    STOPPED = 10


class Precision(IntEnum):
    """`slsc_precision` of native.h.

    Attributes:
        AS_PLANNED: integers and bfloat16 where the plan has them, integers by any processor to the same sums.
        FASTEST: each of these where the processor has instructions that make it faster, else float32.
        FLOAT32: float32 always.
    """

    AS_PLANNED = 0
    FASTEST = 1
    FLOAT32 = 2


def as_map(regions: RegionMap) -> RegionMap:
    """A map of regions, as bytes that follow each other.

    Raises:
        UsageError: it is no table of bytes.
    """
    if regions.ndim != 2 or regions.dtype != np.uint8:
        why = f"it is {regions.dtype} of shape {list(regions.shape)}"
        raise UsageError("the map of regions cannot be used", why=why, hint="use uint8, rows by columns")
    return np.ascontiguousarray(regions)


def map_arguments(regions: RegionMap) -> tuple[Any, int, int]:
    """A map as the engine takes it."""
    return regions.ctypes.data_as(POINTER(c_uint8)), *regions.shape


def floats(array: Batch) -> Any:
    """Where the numbers of a contiguous array begin."""
    return array.ctypes.data_as(POINTER(c_float))


def guarded(use: ReadRows, sides: tuple[int, int], failures: list[BaseException]) -> Callable[..., int]:
    """What the engine calls with rows of `sides` channels and width: 1, and one failure more, where `use` raises."""

    def call(_: None, first: int, rows: int, data: Any) -> int:
        try:
            use(first, np.ctypeslib.as_array(data, (sides[0], rows, sides[1])))
        except BaseException as error:  # none may go through the engine
            failures.append(error)
            return 1
        return 0

    return call


def failure(status: int, message: bytes) -> Exception:
    """What to raise for a status, with what the engine says of it."""
    why = message.decode(errors="replace")
    if status == Status.NO_MEMORY:
        return AllocationFailed(why)
    if status == Status.BAD_PLAN:
        return BackendError("the native engine refuses the plan", why=why, hint="check the bundle with `slsc check`")
    if status == Status.BAD_SIZE:
        return BackendError("the network does not take an image of this size", why=why)
    if status == Status.UNSUPPORTED:
        return BackendError("the native engine cannot use this instruction set", why=why)
    return BackendError("the native engine failed", why=why)

"""An engine of `slsc/native.h`: N:M-sparse networks on the CPU."""

from __future__ import annotations

from ctypes import byref, c_double, c_int, c_void_p
from math import prod

import numpy as np

from slsc.errors import BackendError, UsageError
from slsc.runtime.backends.base import AllocationFailed, Batch, ReadRows, RegionMap, WriteRows, wrong_size
from slsc.runtime.backends.library import READ_ROWS, WRITE_ROWS, load_library
from slsc.runtime.backends.native_calls import Precision, Status, as_map, failure, floats, guarded, map_arguments
from slsc.runtime.backends.native_context import NativeContext
from slsc.runtime.bundle.engines import Engine
from slsc.runtime.process_lock import ProcessLock

BY_REGION = -1
"""SLSC_BY_REGION of native.h: the candidate of runs with a map."""


class NativeRunner:
    """One plan in an engine of its own. Threads may share it; they then run one after the other.

    Args:
        plan: bytes of a plan file (`.nmp`).
        context: its threads and memory; or how many threads a context of its own has, 0 for one per core.
        isa: "amx", "avx512", "avx2", "neon" or "portable"; None for the best there is.

    Raises:
        BackendError: the plan is refused, or the library or the instruction set is missing.
    """

    def __init__(self, plan: bytes, context: NativeContext | int, isa: str | None = None) -> None:
        self._handle = c_void_p()
        self._lock = ProcessLock("the engine")
        self._native = load_library()
        shared = context if isinstance(context, NativeContext) else NativeContext(context)
        status = self._native.slsc_open(
            shared.handle, plan, len(plan), isa.encode() if isa else None, byref(self._handle)
        )
        if status == Status.NO_MEMORY:
            raise BackendError("the native engine cannot open the plan", why="out of memory")
        if status != Status.OK:
            raise failure(status, self._native.slsc_last_error(None))
        self._candidate = self.candidates() - 1

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the engine once a run in progress has ended; see `Runner.close`."""
        if self._lock.forked:
            return
        with self._lock:
            if self._handle:
                self._native.slsc_close(self._handle)
            self._handle = c_void_p()

    @property
    def isa(self) -> str:
        """Name of the instruction set in use."""
        return str(self._native.slsc_isa(self._handle).decode())

    def set_capacity(self, capacity: int) -> None:
        """Keep at most `capacity` of every M weights in each sparse layer, the most important; 0: all there are.

        Raises:
            UsageError: it is negative, or more than M.
        """
        with self._lock:
            if self._native.slsc_set_capacity(self._handle, capacity) != Status.OK:
                raise UsageError(
                    f"the engine cannot run at capacity {capacity}", why=self._error(), hint="0 keeps all weights"
                )

    def candidates(self) -> int:
        """See `Regional.candidates`."""
        return int(self._native.slsc_candidates(self._handle))

    def set_candidate(self, candidate: int) -> None:
        """See `Regional.set_candidate`."""
        with self._lock:
            if candidate < 0 or self._native.slsc_set_candidate(self._handle, candidate) != Status.OK:
                raise UsageError(f"there is no candidate {candidate}", hint=f"use one of 0 to {self.candidates() - 1}")
            self._candidate = candidate

    def set_region(self, height: int, width: int) -> None:
        """See `Regional.set_region`."""
        with self._lock:
            if self._native.slsc_set_region(self._handle, height, width) != Status.OK:
                raise UsageError(f"regions cannot have {height}x{width} pixels", why=self._error())

    def regions(self, height: int, width: int) -> tuple[int, int]:
        """See `Regional.regions`."""
        rows, columns = c_int(), c_int()
        with self._lock:
            self._check(self._native.slsc_regions(self._handle, height, width, byref(rows), byref(columns)))
        return rows.value, columns.value

    def candidate_macs(self, height: int, width: int) -> list[int]:
        """See `Regional.candidate_macs`."""
        with self._lock:
            self._shape(height, width)
            return [int(self._native.slsc_candidate_macs(self._handle, index)) for index in range(self.candidates())]

    def everywhere_macs(self, height: int, width: int) -> int:
        """See `Regional.everywhere_macs`."""
        with self._lock:
            self._shape(height, width)
            return int(self._native.slsc_everywhere_macs(self._handle))

    @property
    def integers(self) -> bool:
        """Whether the plan has convolutions in integers, and they are computed so."""
        return bool(self._native.slsc_integers(self._handle))

    @property
    def halves(self) -> bool:
        """Whether the plan has convolutions in bfloat16, and they are computed so."""
        return bool(self._native.slsc_halves(self._handle))

    def set_precision(self, precision: Precision) -> None:
        """What the convolutions that the plan has in integers or in bfloat16 are computed in."""
        with self._lock:
            self._check(self._native.slsc_set_precision(self._handle, precision))

    def set_band(self, columns: int) -> None:
        """Run all layers on bands of so many columns, one after the other; 0, as at first: as suits network and image.

        It never changes the result.

        Raises:
            UsageError: it is negative.
        """
        with self._lock:
            if self._native.slsc_set_band(self._handle, columns) != Status.OK:
                raise UsageError(f"the engine cannot run bands of {columns} columns", why=self._error())

    def arena_bytes(self, height: int, width: int) -> int:
        """Bytes the engine holds for its values for an image of this size.

        Raises:
            AllocationFailed: more than there are.
            BackendError: the network does not take this size.
        """
        with self._lock:
            self._shape(height, width)
            return int(self._native.slsc_arena_bytes(self._handle))

    def run_bytes(self, engine: Engine, height: int, width: int) -> int:
        """See `Runner.run_bytes`: arena and output; the few kilobytes beside are in the runtime's margin."""
        with self._lock:
            _, *out = self._shape(height, width)
            return int(self._native.slsc_arena_bytes(self._handle)) + np.dtype(np.float32).itemsize * prod(out)

    def stream_bytes(self, height: int, width: int, memory: int) -> tuple[int, int]:
        """See `Streaming.stream_bytes`."""
        return self._stream_bytes(height, width, memory, self._candidate)

    def stream_map_bytes(self, height: int, width: int, memory: int) -> tuple[int, int]:
        """See `Regional.stream_map_bytes`."""
        return self._stream_bytes(height, width, memory, BY_REGION)

    def _stream_bytes(self, height: int, width: int, memory: int, candidate: int) -> tuple[int, int]:
        with self._lock:
            try:
                self._set_memory(memory)
                self._check(self._native.slsc_set_candidate(self._handle, candidate))
                self._shape(height, width)
                return int(self._native.slsc_rows_bytes(self._handle)), int(self._native.slsc_band(self._handle))
            finally:
                self._check(self._native.slsc_set_candidate(self._handle, self._candidate))
                self._set_memory(0)

    def stream(
        self, height: int, width: int, shape: tuple[int, int, int], memory: int, read: ReadRows, write: WriteRows
    ) -> None:
        """See `Streaming.stream`."""
        self._stream((height, width), None, shape, memory, read, write)

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
        """See `Regional.stream_map`."""
        self._stream((height, width), as_map(regions), shape, memory, read, write)

    def _stream(
        self,
        size: tuple[int, int],
        regions: RegionMap | None,
        shape: tuple[int, int, int],
        memory: int,
        read: ReadRows,
        write: WriteRows,
    ) -> None:
        height, width = size
        failures: list[BaseException] = []
        with self._lock:
            try:
                self._set_memory(memory)
                channels, *out = self._shape(height, width)
                if tuple(out) != shape:
                    raise wrong_size(out, shape)
                calls = (guarded(read, (channels, width), failures), guarded(write, (out[0], out[2]), failures))
                callbacks = (READ_ROWS(calls[0]), WRITE_ROWS(calls[1]), None)
                if regions is None:
                    status = self._native.slsc_run_rows(self._handle, height, width, *callbacks)
                else:
                    status = self._native.slsc_run_rows_map(
                        self._handle, height, width, *map_arguments(regions), *callbacks
                    )
                if failures:
                    raise failures[0]
                self._check_map(status) if regions is not None else self._check(status)
            finally:
                self._set_memory(0)

    def op_seconds(self) -> list[float]:
        """Seconds each operation of the plan took in the last run."""
        with self._lock:
            seconds = (c_double * self._native.slsc_op_count(self._handle))()
            self._check(self._native.slsc_op_seconds(self._handle, seconds))
            return list(seconds)

    def op_macs(self) -> list[int]:
        """Multiply-accumulates each operation of the plan took in the last run."""
        with self._lock:
            count = self._native.slsc_op_count(self._handle)
            return [int(self._native.slsc_op_macs(self._handle, index)) for index in range(count)]

    def run(self, image: Batch) -> Batch:
        """Run the network on each image of a batch; see `Runner.run`."""
        return self._run(image, None)

    def run_map(self, image: Batch, regions: RegionMap) -> Batch:
        """See `Regional.run_map`."""
        return self._run(image, as_map(regions))

    def _run(self, image: Batch, regions: RegionMap | None) -> Batch:
        if image.ndim != 4 or 0 in image.shape:
            raise BackendError("the native engine takes N,C,H,W", why=f"got shape {list(image.shape)}")
        batch = np.ascontiguousarray(image, np.float32)
        height, width = batch.shape[2:]
        with self._lock:
            channels, *out = self._shape(height, width)
            if channels != batch.shape[1]:
                raise BackendError(f"the network takes {channels} channels", why=f"got {batch.shape[1]}")
            try:
                output = np.empty((len(batch), *out), np.float32)
            except MemoryError:
                raise AllocationFailed("no memory for the output") from None
            for source, target in zip(batch, output, strict=True):
                if regions is None:
                    self._check(self._native.slsc_run(self._handle, floats(source), height, width, floats(target)))
                else:
                    arguments = (floats(source), height, width, *map_arguments(regions), floats(target))
                    self._check_map(self._native.slsc_run_map(self._handle, *arguments))
        return output

    def _set_memory(self, memory: int) -> None:
        """Bound what later calls take; 0: not at all."""
        self._check(self._native.slsc_set_memory(self._handle, memory))

    def _shape(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Channels in; channels, height and width out."""
        sizes = [c_int() for _ in range(4)]
        self._check(self._native.slsc_shape(self._handle, height, width, *map(byref, sizes)))
        in_channels, out_channels, out_height, out_width = (size.value for size in sizes)
        return in_channels, out_channels, out_height, out_width

    def _check(self, status: int) -> None:
        if status != Status.OK:
            raise failure(status, self._native.slsc_last_error(self._handle))

    def _check_map(self, status: int) -> None:
        if status == Status.BAD_ARGUMENT:
            raise UsageError("the map of regions cannot be used", why=self._error())
        self._check(status)

    def _error(self) -> str:
        return str(self._native.slsc_last_error(self._handle).decode(errors="replace"))

"""A photo that goes through a network whole, without tiles: rows enter and leave while the network is at work."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, Queue
from typing import Any

import numpy as np
import numpy.typing as npt

from slsc.errors import BackendError, ResourceError, UsageError
from slsc.runtime.adaptive.left_out import LeftOut
from slsc.runtime.adaptive.mixed_tiles import Part
from slsc.runtime.backends.base import AllocationFailed, Batch, Regional, RegionMap, Streaming
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.image.photo import Photo
from slsc.runtime.image.pixels import Bands, compose, to_batch
from slsc.runtime.tiles.restoration import TileProgress
from slsc.runtime.tiles.tiling import Span, Tile, cut_out, round_up, slices

STREAMING_BYTES = 512 << 20
"""What the process may have resident, before a photo that needs more is given more, up to the limit."""

WAITING_BANDS = 1
"""Bands of output that may wait for being composed, while the network makes the next."""

FLOAT_BANDS = WAITING_BANDS + 3
"""Bands of output alive at once as floats: composed ones, what is made of them, those that wait or are on their way."""

SAMPLE_BANDS = 3
"""Bands of output alive at once as samples: one just composed, one waiting for being written, one being written."""

TRIED_SHARES = (1, 7 / 8, 3 / 4, 1 / 2)
"""Of the memory, that the backend may take: the first that leaves enough for what waits beside it."""

COMPOSED_BYTES = 1 << 18
"""Samples composed at a time: their floats stay in the processor's cache."""

STOPPING_SECONDS = 0.05


def padded(io: ImageIO, height: int, width: int) -> tuple[int, int]:
    """A photo's size, enlarged to what the network takes."""
    return round_up(height, io.multiple_of[0]), round_up(width, io.multiple_of[1])


def enlarged(runner: Regional, regions: RegionMap, hw: tuple[int, ...], to: tuple[int, int]) -> RegionMap:
    """A map of an image of height and width `hw`, for that image enlarged downwards and to the right.

    Raises:
        UsageError: the map has another size.
    """
    rows, columns = runner.regions(*hw)
    if regions.shape != (rows, columns):
        why = f"it has {list(regions.shape)} regions, where the image has {[rows, columns]}"
        raise UsageError("the map of regions cannot be used", why=why)
    more_rows, more_columns = runner.regions(*to)
    return np.pad(regions, ((0, more_rows - rows), (0, more_columns - columns)), mode="edge")


@dataclass(frozen=True)
class StreamPlan:
    """That a photo can be streamed, and with how much memory.

    Attributes:
        memory: bytes that the backend may take.
        taken: what it does take, and the rows that wait beside it.
    """

    memory: int
    taken: int


def plan_stream(
    runner: Streaming, io: ImageIO, height: int, width: int, memory: int, *, by_region: bool = False
) -> StreamPlan | None:
    """How a photo of this size is streamed within `memory` bytes, its pixels not counted; None where it takes more.

    Args:
        runner: the loaded network; a `Regional` one where `by_region`.
        io: its conventions.
        height, width: of the photo.
        memory: bytes.
        by_region: every region takes a candidate of its own.
    """
    stream_bytes = runner.stream_map_bytes if by_region and isinstance(runner, Regional) else runner.stream_bytes
    if io.fixed_hw not in (None, (height, width)):
        return None
    height, width = padded(io, height, width)
    for share in TRIED_SHARES:  # the less the backend may take, the fewer are the rows that wait beside it
        allowed = int(memory * share)
        if allowed < 1:
            return None
        try:
            taken, rows = stream_bytes(height, width, allowed)
        except (AllocationFailed, BackendError):  # more than memory or the engine take at once: there are tiles
            return None
        beside = rows * width * io.scale**2 * io.channels * 4 * (FLOAT_BANDS + SAMPLE_BANDS)
        if taken + beside <= memory:
            return StreamPlan(allowed, taken + beside)
    return None


class StreamedRestoration:
    """One photo on its way through a network.

    Args:
        runner: the loaded network.
        io: its conventions.
        photo: the input.
        plan: of this photo.
        progress: told after every band of output rows how many are done, and how many there are.
        regions: candidates by region of the photo, for a `Regional` runner; what the photo is enlarged by takes those
            of its border.
        left_out: what restores the regions that these leave out.
    """

    def __init__(
        self,
        runner: Streaming,
        io: ImageIO,
        photo: Photo,
        plan: StreamPlan,
        progress: TileProgress | None,
        regions: RegionMap | None = None,
        left_out: LeftOut | None = None,
    ) -> None:
        self._runner, self._io, self._photo, self._progress = runner, io, photo, progress
        self.plan, self._regions, self._left_out = plan, regions, left_out
        self._hw = photo.pixels.shape[:2]

    def bands(self) -> Bands:
        """The output from top to bottom as bands of whole rows, HxWxC of the photo's dtype.

        Raises:
            ResourceError: out of memory.
            BackendError: the network fails, or returns another size than its bundle says.
            VerificationError: the network returns values that are not numbers.
        """
        made: Queue[tuple[int, npt.NDArray[np.float32]] | None] = Queue(WAITING_BANDS)
        stopped = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(self._run, made, stopped)
            try:
                while (rows := made.get()) is not None:
                    first, values = rows
                    if first < self._hw[0] * self._io.scale:
                        yield self._composed(first, values)
                running.result()
            finally:
                stopped.set()
                while not running.done():  # it may be waiting for a place in the queue
                    try:
                        made.get(timeout=STOPPING_SECONDS)
                    except Empty:
                        continue

    def _run(self, made: Queue[Any], stopped: threading.Event) -> None:
        """Run the network; None follows the last of its rows, whether all went well or not."""
        height, width = padded(self._io, *self._hw)

        def cut(part: Part) -> Batch:
            rows, columns = Span(part.top, part.bottom, 0, 0), Span(part.left, part.right, 0, 0)
            return to_batch(cut_out(self._photo.pixels, Tile(rows, columns)), self._io)

        def read(first: int, to: npt.NDArray[np.float32]) -> None:
            to[...] = cut(Part(first, first + to.shape[1], 0, width))[0]

        def write(first: int, values: npt.NDArray[np.float32]) -> None:
            if stopped.is_set():
                raise _Stopped
            values = values.copy()
            if self._left_out:
                self._left_out.fill(values, first, Part(0, height, 0, width), cut)
            made.put((first, values))

        shape = (self._io.channels, height * self._io.scale, width * self._io.scale)
        try:
            if self._regions is not None and isinstance(self._runner, Regional):
                regions = enlarged(self._runner, self._regions, self._hw, (height, width))
                self._runner.stream_map(height, width, regions, shape, self.plan.memory, read, write)
            else:
                self._runner.stream(height, width, shape, self.plan.memory, read, write)
        except _Stopped:
            pass
        except (AllocationFailed, MemoryError) as error:
            raise ResourceError(
                "out of memory",
                why=f"{width}x{height} input pixels at once could not be allocated",
                hint="free some memory, or use a smaller --memory",
            ) from error
        finally:
            made.put(None)

    def _composed(self, first: int, values: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        scale = self._io.scale
        stop, width = min(first + values.shape[1], self._hw[0] * scale), self._hw[1] * scale
        channels = self._photo.pixels.shape[2] + (self._photo.alpha is not None)
        band = np.empty((stop - first, width, channels), self._photo.pixels.dtype)
        for top, bottom in slices(first, stop, max(1, COMPOSED_BYTES // (width * channels))):
            part = values[:, top - first : bottom - first, :width]
            band[top - first : bottom - first] = compose(part, self._photo, self._io, (top, bottom), (0, width))
        if self._progress:
            self._progress(stop, self._hw[0] * scale)
        return band


class _Stopped(Exception):
    """Nobody wants the rest."""

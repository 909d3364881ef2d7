"""An opened bundle that restores photos: the Pythonic face of the runtime."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from slsc.errors import DataError, ResourceError, UsageError
from slsc.runtime.adaptive.timing import Clock
from slsc.runtime.adaptive.wish import Choice
from slsc.runtime.atomic import require_other
from slsc.runtime.backends.base import AllocationFailed, Batch
from slsc.runtime.bundle.engines import Engine
from slsc.runtime.bundle.manifest import Manifest
from slsc.runtime.bundle.reader import Bundle, open_bundle
from slsc.runtime.image.arrays import as_photo
from slsc.runtime.image.photo import Photo, decoding_bytes, load_photo
from slsc.runtime.image.photo_writer import held_bytes, not_carried, photo_writer, require_writable
from slsc.runtime.image.pixels import output_shape
from slsc.runtime.image.read_ahead import ReadAhead
from slsc.runtime.image.write_behind import write_behind
from slsc.runtime.memory import require_fit
from slsc.runtime.options import Options
from slsc.runtime.process_lock import ProcessLock
from slsc.runtime.restorer import Restorer, Started
from slsc.runtime.tiles.restoration import TileProgress
from slsc.runtime.tiles.tiling import Span, Tile, cut_out, round_up

Note = Callable[[str], None]
"""Is told, in words, what a restoration lacks."""


class Session:
    """One engine of one bundle, or all that it chooses from by region, ready to run.

    A bundle with an estimator chooses unless an engine or a capacity is named.

    Threads may share a session; its restorations then run one after the other, so that the memory limit holds. What
    it holds is given back by `close`, or at the end of `with Session(...) as session:`. A forked process cannot use
    its parent's session: it raises there, and the bundle is to be opened anew. (Where the parent has used ONNX Runtime,
    end the child by `os._exit`, as multiprocessing does: that library waits for its parent's threads at exit.)

    Args:
        path: the bundle.
        backend, engine, threads, memory, tile, exact, capacity, beta, budget, time_budget, quality, strict: see
            `Options`.
        clock: that `time_budget` goes by. With `time.process_time` a busy machine changes little where one thread runs.

    Raises:
        BundleError: the bundle cannot be opened.
        UsageError: an option is out of range, or names no engine or backend there is.
        BackendError: the backend is missing or refuses the engine.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        backend: str | None = None,
        engine: str | None = None,
        threads: int = 0,
        memory: int | None = None,
        tile: int | None = None,
        exact: bool = False,
        capacity: int | None = None,
        beta: float | None = None,
        budget: float | None = None,
        time_budget: float | None = None,
        quality: float | None = None,
        strict: bool = False,
        clock: Clock = time.perf_counter,
    ) -> None:
        self._lock = ProcessLock("the session")
        self._bundle: Bundle = open_bundle(path)
        options = Options(
            backend, engine, threads, memory, tile, exact, capacity, beta, budget, time_budget, quality, strict
        )
        self._restorer = Restorer(self._bundle, options, clock)
        self._choice: Choice | None = None
        self._streamed = False
        self._ahead = ReadAhead()
        self._closed = False

    @property
    def manifest(self) -> Manifest:
        """The bundle's manifest."""
        return self._bundle.manifest

    @property
    def engine(self) -> Engine:
        """The engine that runs; of several the dearest."""
        return self._restorer.loaded.record

    @property
    def backend(self) -> str:
        """Name of the backend that runs it, such as "native" or "onnxruntime:cuda"."""
        return self._restorer.loaded.runs_on

    @property
    def options(self) -> Options:
        """The options in force."""
        return self._restorer.options

    @property
    def adaptive(self) -> bool:
        """Whether it chooses a candidate for every region."""
        return self._restorer.ladder is not None

    @property
    def choice(self) -> Choice | None:
        """What the last photo's regions were given; None where one engine restored it all."""
        return self._choice

    @property
    def streamed(self) -> bool:
        """Whether the last photo went through the network whole, row by row, and not in tiles."""
        return self._streamed

    def configure(self, **changes: Any) -> None:
        """Change options by name; the engine is loaded again only where that is needed. Raises as the constructor."""
        with self._lock:
            self._require_open()
            self._restorer.configure(replace(self._restorer.options, **changes))

    def close(self) -> None:
        """Give back memory and threads, once a restoration in progress has ended. Closing twice does no harm.

        A forked process has nothing to give back.
        """
        if self._lock.forked:
            return
        with self._lock:
            self._ahead.close()
            self._restorer.close()
            self._closed = True

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _require_open(self) -> None:
        if self._closed:
            raise UsageError("the session is closed", where=str(self._bundle.path), hint="open the bundle again")

    def choose(self, image: npt.NDArray[Any]) -> Choice:
        """What `restore` would give each region of an image; its map can serve for others, as a film's next frames.

        Args:
            image: as in `restore`.

        Raises:
            UsageError: the bundle has no estimator, or one engine is to restore everything.
            DataError, BudgetError: as `restore`.
        """
        photo = as_photo(image)
        with self._lock:
            self._require_open()
            return self._restorer.choose(replace(photo, pixels=photo.pixels.copy()))

    def restore(
        self,
        image: npt.NDArray[Any],
        progress: TileProgress | None = None,
        *,
        map: npt.NDArray[Any] | None = None,
    ) -> npt.NDArray[Any]:
        """Restore an image held in memory.

        Args:
            image: HxW, or HxWxC with C = 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha; uint8, uint16, or float32
                in 0..1.
            progress: called after every tile with the number done and the number of all.
            map: which candidate each region gets, as in `Choice.map` of an image of the same size; chosen for the image
                where there is none.

        Returns:
            The same kind of array, sides times `manifest.io.scale`; values clamped, integers rounded to nearest.

        Raises:
            DataError: the array is none of the above.
            UsageError: the map does not fit the image, or the bundle has no use for one.
            BudgetError: strict, and what is asked for cannot be met.
            ResourceError: no tile fits into the memory, or exact output is impossible within it.
            BackendError, VerificationError: the engine fails, or returns values that are not numbers.
        """
        photo = as_photo(image)
        with self._lock:
            self._require_open()
            output = np.empty(output_shape(photo, self.manifest.io), image.dtype)
            held = output.nbytes
            if photo.alpha is not None:
                photo = replace(photo, pixels=photo.pixels.copy())  # the caller's own stays as it is
                held += photo.pixels.nbytes
            restoration = self._start(photo, held, progress, map).restoration
            at = 0
            with contextlib.closing(restoration.bands()) as bands:
                for band in bands:
                    output[at : at + len(band)] = band
                    at += len(band)
        return output if image.ndim == 3 else output[:, :, 0]

    def restore_file(
        self,
        source: str | Path,
        target: str | Path,
        progress: TileProgress | None = None,
        *,
        strip: bool = False,
        note: Note | None = None,
        following: str | Path | None = None,
    ) -> Path:
        """Restore a photo file; PNG and TIFF output is streamed, so that memory does not grow with it.

        What the file says of its colours is carried to the target, and so are EXIF, XMP and the density of its pixels:
        upright, of the target's size, without previews.

        Args:
            source: any photo that `load_photo` opens, of any size that `memory` allows.
            target: its extension chooses the format. It is replaced only when all went well.
            progress: as in `restore`.
            strip: leave out EXIF and XMP. What colours need to be shown as they are meant is carried all the same.
            note: told, in words, what the target cannot carry.
            following: the photo that the next call restores. It is decoded meanwhile, where this one goes through the
                network whole and leaves memory for it.

        Returns:
            The target's path.

        Raises:
            DataError: the source is unusable, or the target's format cannot hold the result.
            UsageError: the target is the source, a folder, or cannot be written.
            ResourceError, BackendError, VerificationError: as `restore`.
        """
        source, target = Path(source), Path(target)
        require_other(target, source, self._bundle.path)
        with self._lock:
            self._require_open()
            photo = self._ahead.take(source) or self._decoded(source)
            metadata = photo.metadata.stripped() if strip else photo.metadata
            shape, dtype = output_shape(photo, self.manifest.io), photo.pixels.dtype
            require_writable(target, shape, dtype)
            started = self._start(photo, held_bytes(target, shape), progress)
            if note:
                for missing in not_carried(metadata, target):
                    note(missing)
            if following is not None:
                self._ahead.begin(Path(following), self._restorer.room(photo, held_bytes(target, shape), started))
            with photo_writer(target, shape, dtype, metadata) as write:
                write_behind(started.restoration.bands(), write)
        return target

    def restore_tensor(self, batch: Batch) -> Batch:
        """Run whole images through the network, untiled and unclamped.

        Args:
            batch: NCHW float32 in the network's own range and colour order.

        Returns:
            NCHW float32, height and width times the scale.

        Raises:
            DataError: wrong shape, or larger than the network's fixed input.
            ResourceError: out of memory.
            BackendError: the engine fails.
        """
        io = self.manifest.io
        if batch.ndim != 4 or batch.shape[1] != io.channels or 0 in batch.shape:
            raise DataError(f"the network takes Nx{io.channels}xHxW", why=f"got shape {list(batch.shape)}")
        height, width = batch.shape[2:]
        whole = io.fixed_hw or (round_up(height, io.multiple_of[0]), round_up(width, io.multiple_of[1]))
        if height > whole[0] or width > whole[1]:
            raise DataError(f"the network takes at most {whole[1]}x{whole[0]}", why=f"got {width}x{height}")
        with self._lock:
            self._require_open()
            outputs = list(self._run_whole(batch, whole))
        return np.concatenate(outputs)[:, :, : height * io.scale, : width * io.scale]

    def _run_whole(self, batch: Batch, hw: tuple[int, int]) -> Iterator[Batch]:
        tile = Tile(Span(0, hw[0], 0, hw[0]), Span(0, hw[1], 0, hw[1]))
        for image in batch:
            padded = cut_out(image.transpose(1, 2, 0), tile).transpose(2, 0, 1)
            try:
                yield self._restorer.loaded.runner.run(np.ascontiguousarray(padded[None], np.float32))
            except (AllocationFailed, MemoryError) as error:
                raise ResourceError("out of memory", why="the whole image was to be run at once") from error

    def _decoded(self, source: Path) -> Photo:
        limit, resident = self._restorer.limit(), self._restorer.loaded.resident
        require_fit(limit, resident, decoding_bytes(source), "decoding the photo")
        return load_photo(source, most=limit - resident)

    def _start(
        self,
        photo: Photo,
        held_output: int,
        progress: TileProgress | None,
        given: npt.NDArray[Any] | None = None,
    ) -> Started:
        self._choice = None
        started = self._restorer.start(photo, held_output, progress, given)
        self._choice, self._streamed = started.choice, started.streamed
        return started

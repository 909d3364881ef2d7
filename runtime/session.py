"""An opened bundle that restores photos: the Pythonic face of the runtime."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from slsc.errors import DataError, ResourceError, UsageError
from slsc.runtime.adaptive.ladder import Ladder, estimator_of, mixing_bytes
from slsc.runtime.adaptive.regional_tiles import RegionalTiles
from slsc.runtime.adaptive.wish import Choice
from slsc.runtime.atomic import require_other
from slsc.runtime.backends.base import AllocationFailed, Batch, Streaming
from slsc.runtime.bundle.engines import Engine
from slsc.runtime.bundle.manifest import ImageIO, Manifest
from slsc.runtime.bundle.reader import Bundle, open_bundle
from slsc.runtime.image.photo import Photo, decoding_bytes, load_photo
from slsc.runtime.image.photo_writer import WriteRows, held_bytes, not_carried, photo_writer, require_writable
from slsc.runtime.image.pixels import WHITES, output_shape
from slsc.runtime.image.read_ahead import ReadAhead
from slsc.runtime.image.transparency import bleed
from slsc.runtime.loaded_engine import LoadedEngine, load_engine, load_ladder
from slsc.runtime.memory import MARGIN_BYTES, default_limit, require_fit
from slsc.runtime.options import Options
from slsc.runtime.process_lock import ProcessLock
from slsc.runtime.streaming import STREAMING_BYTES, StreamedRestoration, StreamPlan, plan_stream
from slsc.runtime.tiles.least_size import LeastSize
from slsc.runtime.tiles.restoration import Restoration, TileProgress
from slsc.runtime.tiles.tile_grid import ImageShape, Limits, tile_grid
from slsc.runtime.tiles.tile_runner import OneNetwork
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
    ) -> None:
        self._lock = ProcessLock("the session")
        self._bundle: Bundle = open_bundle(path)
        self._options = Options(
            backend, engine, threads, memory, tile, exact, capacity, beta, budget, time_budget, quality, strict
        )
        self._ladder: Ladder | None = None
        self._choice: Choice | None = None
        self._loaded = self._load(self._options, None)
        self._least = self._least_size()
        self._ahead = ReadAhead()
        self._closed = False
        self._streamed = False

    @property
    def manifest(self) -> Manifest:
        """The bundle's manifest."""
        return self._bundle.manifest

    @property
    def engine(self) -> Engine:
        """The engine that runs; of several the dearest."""
        return self._loaded.record

    @property
    def backend(self) -> str:
        """Name of the backend that runs it, such as "native" or "onnxruntime:cuda"."""
        return self._loaded.runs_on

    @property
    def options(self) -> Options:
        """The options in force."""
        return self._options

    @property
    def adaptive(self) -> bool:
        """Whether it chooses a candidate for every region."""
        return self._ladder is not None

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
            options = replace(self._options, **changes)
            reload = ("backend", "engine", "threads", "capacity")
            adaptive = self._adapts(options)
            if adaptive != self.adaptive or any(
                getattr(options, name) != getattr(self._options, name) for name in reload
            ):
                self._loaded = self._load(options, self._loaded)
                self._least = self._least_size()
            self._options = options

    def close(self) -> None:
        """Give back memory and threads, once a restoration in progress has ended. Closing twice does no harm.

        A forked process has nothing to give back.
        """
        if self._lock.forked:
            return
        with self._lock:
            self._ahead.close()
            self._loaded.close()
            self._closed = True

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _adapts(self, options: Options) -> bool:
        """Whether regions choose.

        Raises:
            UsageError: they are to, and the bundle has no estimator.
        """
        if options.wish.given:
            estimator_of(self._bundle)
        return self.manifest.estimator is not None and options.engine is None and options.capacity is None

    def _load(self, options: Options, before: LoadedEngine | None) -> LoadedEngine:
        if not self._adapts(options):
            loaded = load_engine(self._bundle, options, before)
            self._ladder = None
            return loaded
        loaded = load_ladder(self._bundle, options, estimator_of(self._bundle), before)
        self._ladder = Ladder(self._bundle, {loaded.record.name: loaded.runner, **loaded.others})
        return loaded

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
        photo = _as_photo(image)
        with self._lock:
            self._require_open()
            if self._ladder is None:
                estimator_of(self._bundle)
                raise UsageError("one engine restores everything", hint="leave out --engine and --capacity")
            photo = replace(photo, pixels=photo.pixels.copy())
            _bleed(photo)
            return self._ladder.choose(photo.pixels, self._options.wish, strict=self._options.strict)

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
        photo = _as_photo(image)
        with self._lock:
            self._require_open()
            output = np.empty(output_shape(photo, self.manifest.io), image.dtype)
            held = output.nbytes
            if photo.alpha is not None:
                photo = replace(photo, pixels=photo.pixels.copy())  # the caller's own stays as it is
                held += photo.pixels.nbytes
            restoration = self._start(photo, held, progress, map)
            at = 0
            for band in restoration.bands():
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
            restoration = self._start(photo, held_bytes(target, shape), progress)
            if note:
                for missing in not_carried(metadata, target):
                    note(missing)
            if following is not None:
                self._ahead.begin(Path(following), self._room(photo, held_bytes(target, shape), restoration))
            with photo_writer(target, shape, dtype, metadata) as write:
                _write_behind(restoration.bands(), write)
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
                yield self._loaded.runner.run(np.ascontiguousarray(padded[None], np.float32))
            except (AllocationFailed, MemoryError) as error:
                raise ResourceError("out of memory", why="the whole image was to be run at once") from error

    def _limit(self) -> int:
        return default_limit(self._loaded.resident) if self._options.memory is None else self._options.memory

    def _decoded(self, source: Path) -> Photo:
        limit = self._limit()
        require_fit(limit, self._loaded.resident, decoding_bytes(source), "decoding the photo")
        return load_photo(source, most=limit - self._loaded.resident)

    def _room(self, photo: Photo, held_output: int, restoration: Restoration | StreamedRestoration) -> int:
        """Bytes that are left beside a photo on its way; none beside tiles, which are as large as memory allows."""
        if not isinstance(restoration, StreamedRestoration):
            return 0
        return self._limit() - self._held(photo, held_output) - restoration.plan.taken

    def _held(self, photo: Photo, held_output: int) -> int:
        """What the process holds beside the backend while a photo goes through the network whole."""
        return self._loaded.resident + _shape(photo).bytes + held_output + MARGIN_BYTES

    def _least_size(self) -> LeastSize:
        return LeastSize(self._loaded.runner, self._loaded.record, self.manifest.io)

    def _stream_plan(
        self, io: ImageIO, photo: Photo, held_output: int, *, by_region: bool = False
    ) -> StreamPlan | None:
        """How the photo goes through the network whole; None where it takes tiles, or they are asked for."""
        runner = self._loaded.runner
        if not isinstance(runner, Streaming) or self._options.tile:
            return None
        held = self._held(photo, held_output)
        height, width = photo.pixels.shape[:2]
        for limit in (min(self._limit(), STREAMING_BYTES), self._limit()):
            plan = plan_stream(runner, io, height, width, limit - held, by_region=by_region)
            if plan:
                return plan
        return None

    def _start(
        self,
        photo: Photo,
        held_output: int,
        progress: TileProgress | None,
        given: npt.NDArray[Any] | None = None,
    ) -> Restoration | StreamedRestoration:
        """A restoration of a photo whose pixels are the session's to change."""
        self._choice = None
        if self._ladder:
            return self._start_mixed(self._ladder, photo, held_output, progress, given)
        if given is not None:
            estimator_of(self._bundle)
            raise UsageError("one engine restores everything", why="a map was given", hint="leave out the engine")
        io, loaded, options = self._least.fitted(*photo.pixels.shape[:2]), self._loaded, self._options
        plan = self._stream_plan(io, photo, held_output)
        self._streamed = plan is not None
        if plan and isinstance(loaded.runner, Streaming):
            _bleed(photo)
            return StreamedRestoration(loaded.runner, io, photo, plan, progress)
        limits = Limits(self._limit(), loaded.resident, loaded.run_bytes, options.tile, options.exact)
        grid = tile_grid(io, self.manifest.tile, _shape(photo), held_output, limits)
        _bleed(photo)
        return Restoration(OneNetwork(loaded.runner), io, photo, grid, progress)

    def _start_mixed(
        self,
        ladder: Ladder,
        photo: Photo,
        held_output: int,
        progress: TileProgress | None,
        given: npt.NDArray[Any] | None,
    ) -> Restoration | StreamedRestoration:
        """Restore by a map, which is made first unless it is given."""
        _bleed(photo)
        io, options = self._least.fitted(*photo.pixels.shape[:2]), self._options
        if given is None:
            self._choice = ladder.choose(photo.pixels, options.wish, strict=options.strict)
        else:
            self._choice = ladder.given(photo.pixels, given)
        runner = self._loaded.runner
        if ladder.together:
            plan = self._stream_plan(io, photo, held_output, by_region=True)
            self._streamed = plan is not None
            if plan and isinstance(runner, Streaming):
                return StreamedRestoration(runner, io, photo, plan, progress, self._choice.map)

        def run_bytes(height: int, width: int) -> int:
            return self._loaded.run_bytes(height, width) + mixing_bytes(io.scale, io.channels, height, width)

        self._streamed = False
        limits = Limits(self._limit(), self._loaded.resident, run_bytes, options.tile, options.exact)
        grid = tile_grid(io, ladder.geometry, _shape(photo), held_output, limits)
        height, width = photo.pixels.shape[:2]
        if ladder.together:
            regional = RegionalTiles(ladder.together, self._choice.map, ladder.record.side)
            return Restoration(regional, io, photo, grid, progress)
        tiles = ladder.tiles(self._choice.map, (height, width), io)
        taken = ladder.cheaper(tiles, grid)
        if taken is not tiles:
            self._choice = replace(ladder.given(photo.pixels, taken.choice), met=self._choice.met)
        self._choice = replace(self._choice, run_cost=ladder.price(taken, grid))
        return Restoration(taken, io, photo, grid, progress)


def _bleed(photo: Photo) -> None:
    if photo.alpha is not None:
        bleed(photo.pixels, photo.alpha)


def _shape(photo: Photo) -> ImageShape:
    height, width, colours = photo.pixels.shape
    return ImageShape(height, width, colours + (photo.alpha is not None), photo.pixels.dtype.itemsize)


def _write_behind(bands: Iterator[npt.NDArray[Any]], write: WriteRows) -> None:
    """Write each band while the next is being made: compressing takes one core, and lets the others go on."""
    with ThreadPoolExecutor(1) as pool:
        writing: Future[None] | None = None
        for band in bands:
            if writing:
                writing.result()
            writing = pool.submit(write, band)
        if writing:
            writing.result()


def _as_photo(image: npt.NDArray[Any]) -> Photo:
    pixels = image[:, :, None] if image.ndim == 2 else image
    why = hint = None
    if pixels.ndim != 3 or not 1 <= pixels.shape[2] <= 4 or 0 in pixels.shape:
        why, hint = f"its shape is {list(image.shape)}", "pass HxW or HxWx1..4"
    elif pixels.dtype.name not in WHITES:
        why, hint = f"its dtype is {image.dtype}", f"use {', '.join(WHITES)}"
    elif pixels.dtype.kind == "f" and not (pixels.min() >= 0 and pixels.max() <= 1):
        why, hint = "it has values outside 0..1", "scale it to 0..1"
    if why:
        raise DataError("cannot restore this array", why=why, hint=hint)
    return Photo(pixels) if pixels.shape[2] in (1, 3) else Photo(pixels[:, :, :-1], pixels[:, :, -1])

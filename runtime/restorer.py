"""How one photo goes through what a session has loaded: whole, in tiles, or by regions."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from slsc.errors import UsageError
from slsc.runtime.adaptive.ladder import Ladder, estimator_of, mixing_bytes
from slsc.runtime.adaptive.regional_tiles import RegionalTiles
from slsc.runtime.adaptive.regions import Size
from slsc.runtime.adaptive.timing import Clock
from slsc.runtime.adaptive.wish import Choice
from slsc.runtime.backends.base import Streaming
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.bundle.reader import Bundle
from slsc.runtime.image.arrays import as_photo
from slsc.runtime.image.photo import Photo
from slsc.runtime.image.transparency import bleed
from slsc.runtime.loaded_engine import LoadedEngine, load_engine, load_ladder
from slsc.runtime.memory import MARGIN_BYTES, default_limit
from slsc.runtime.options import Options
from slsc.runtime.streaming import STREAMING_BYTES, StreamedRestoration, StreamPlan, plan_stream
from slsc.runtime.tiles.least_size import LeastSize
from slsc.runtime.tiles.restoration import Restoration, TileProgress
from slsc.runtime.tiles.tile_grid import ImageShape, Limits, tile_grid
from slsc.runtime.tiles.tile_runner import OneNetwork

ChoiceMap = npt.NDArray[Any]


@dataclass(frozen=True)
class Started:
    """A restoration of one photo.

    Attributes:
        restoration: its bands are the output.
        choice: what the photo's regions were given; None where one engine restores it all.
    """

    restoration: Restoration | StreamedRestoration
    choice: Choice | None = None

    @property
    def streamed(self) -> bool:
        """Whether the photo goes through the network whole, row by row, and not in tiles."""
        return isinstance(self.restoration, StreamedRestoration)


class Restorer:
    """What a session has loaded: one engine, or all that regions choose from.

    Args:
        bundle: which holds them.
        options: which of them, and how; see there.
        clock: that time budgets go by.

    Raises:
        UsageError, BackendError, BundleError: as `load_engine`; the options ask for a choice and the bundle has no
            estimator.
    """

    def __init__(self, bundle: Bundle, options: Options, clock: Clock = time.perf_counter) -> None:
        self._clock = clock
        self._bundle = bundle
        self.options = options
        self.ladder: Ladder | None = None
        self.loaded = self._load(options, None)
        self._least = self._least_size()

    def configure(self, options: Options) -> None:
        """Take other options; the engine is loaded again only where that is needed. Raises as the constructor."""
        reload = ("backend", "engine", "threads", "capacity")
        adaptive = self._adapts(options)
        if adaptive != (self.ladder is not None) or any(
            getattr(options, name) != getattr(self.options, name) for name in reload
        ):
            self.loaded = self._load(options, self.loaded)
            self._least = self._least_size()
        self.options = options

    def close(self) -> None:
        """Give back what is loaded."""
        self.loaded.close()

    def _adapts(self, options: Options) -> bool:
        """Whether regions choose.

        Raises:
            UsageError: they are to, and the bundle has no estimator.
        """
        if options.wish.given:
            estimator_of(self._bundle)
        return self._bundle.manifest.estimator is not None and options.engine is None and options.capacity is None

    def _load(self, options: Options, before: LoadedEngine | None) -> LoadedEngine:
        if not self._adapts(options):
            loaded = load_engine(self._bundle, options, before)
            self.ladder = None
            return loaded
        loaded = load_ladder(self._bundle, options, estimator_of(self._bundle), before)
        self.ladder = Ladder(self._bundle, {loaded.record.name: loaded.runner, **loaded.others}, self._clock)
        return loaded

    def _least_size(self) -> LeastSize:
        return LeastSize(self.loaded.runner, self.loaded.record, self._bundle.manifest.io)

    def limit(self) -> int:
        """Bytes that the process may have resident."""
        return default_limit(self.loaded.resident) if self.options.memory is None else self.options.memory

    def room(self, photo: Photo, held_output: int, started: Started) -> int:
        """Bytes that are left beside a photo on its way; none beside tiles, which are as large as memory allows."""
        restoration = started.restoration
        if not isinstance(restoration, StreamedRestoration):
            return 0
        return self.limit() - self._held(photo, held_output) - restoration.plan.taken

    def _held(self, photo: Photo, held_output: int) -> int:
        """What the process holds beside the backend while a photo goes through the network whole."""
        return self.loaded.resident + _shape(photo).bytes + held_output + MARGIN_BYTES

    def _stream_plan(
        self, io: ImageIO, photo: Photo, held_output: int, *, by_region: bool = False
    ) -> StreamPlan | None:
        """How the photo goes through the network whole; None where it takes tiles, or they are asked for."""
        runner = self.loaded.runner
        if not isinstance(runner, Streaming) or self.options.tile:
            return None
        held = self._held(photo, held_output)
        height, width = photo.pixels.shape[:2]
        for limit in (min(self.limit(), STREAMING_BYTES), self.limit()):
            plan = plan_stream(runner, io, height, width, limit - held, by_region=by_region)
            if plan:
                return plan
        return None

    def choose(self, photo: Photo) -> Choice:
        """What regions of a photo would be given; its pixels are the restorer's to change.

        Raises:
            UsageError: the bundle has no estimator, or one engine is to restore everything.
            DataError, BudgetError: as `start`.
        """
        ladder = self._choosing(None)
        _bleed(photo)
        return ladder.choose(photo.pixels, self.options.wish, self._clocked, strict=self.options.strict)

    def start(
        self, photo: Photo, held_output: int, progress: TileProgress | None, given: ChoiceMap | None = None
    ) -> Started:
        """Begin to restore a photo.

        Args:
            photo: its pixels are the restorer's to change.
            held_output: bytes of the output that the process holds.
            progress: called after every tile with the number done and the number of all.
            given: which candidate each region gets; chosen where there is none.

        Raises:
            UsageError: the map does not fit the photo, or there is no use for one.
            BudgetError: strict, and what is asked for cannot be met.
            ResourceError: no tile fits into the memory, or exact output is impossible within it.
        """
        if given is not None:
            self._choosing("a map was given")
        if self.ladder:
            return self._start_mixed(self.ladder, photo, held_output, progress, given)
        io, loaded, options = self._least.fitted(*photo.pixels.shape[:2]), self.loaded, self.options
        plan = self._stream_plan(io, photo, held_output)
        if plan and isinstance(loaded.runner, Streaming):
            _bleed(photo)
            return Started(StreamedRestoration(loaded.runner, io, photo, plan, progress))
        limits = Limits(self.limit(), loaded.resident, loaded.run_bytes, options.tile, options.exact)
        grid = tile_grid(io, self._bundle.manifest.tile, _shape(photo), held_output, limits)
        _bleed(photo)
        return Started(Restoration(OneNetwork(loaded.runner), io, photo, grid, progress))

    def _choosing(self, why: str | None) -> Ladder:
        """What chooses; `why`: what was to be chosen by."""
        if self.ladder is None:
            estimator_of(self._bundle)
            raise UsageError("one engine restores everything", why=why, hint="leave out --engine and --capacity")
        return self.ladder

    def _clocked(self, hw: Size, choice: ChoiceMap) -> float:
        """Seconds that a black photo takes by a map: see `slsc.runtime.adaptive.timing.Clocked`."""
        photo = as_photo(np.zeros((*hw, self._bundle.manifest.io.channels), np.uint8))
        restoration = self._start_mixed(self._choosing(None), photo, 0, None, choice).restoration
        begun = self._clock()
        for _ in restoration.bands():
            pass
        return self._clock() - begun

    def _start_mixed(
        self,
        ladder: Ladder,
        photo: Photo,
        held_output: int,
        progress: TileProgress | None,
        given: ChoiceMap | None,
    ) -> Started:
        """Restore by a map, which is made first unless it is given."""
        _bleed(photo)
        io, options = self._least.fitted(*photo.pixels.shape[:2]), self.options
        if given is None:
            choice = ladder.choose(photo.pixels, options.wish, self._clocked, strict=options.strict)
        else:
            choice = ladder.given(photo.pixels, given)
        runner = self.loaded.runner
        left_out, engines = ladder.left_out(choice.map, io), ladder.engines_of(choice.map)
        if ladder.together:
            plan = self._stream_plan(io, photo, held_output, by_region=True)
            if plan and isinstance(runner, Streaming):
                return Started(StreamedRestoration(runner, io, photo, plan, progress, engines, left_out), choice)

        def run_bytes(height: int, width: int) -> int:
            return self.loaded.run_bytes(height, width) + mixing_bytes(io.scale, io.channels, height, width)

        limits = Limits(self.limit(), self.loaded.resident, run_bytes, options.tile, options.exact)
        grid = tile_grid(io, ladder.geometry, _shape(photo), held_output, limits)
        height, width = photo.pixels.shape[:2]
        if ladder.together:
            regional = RegionalTiles(ladder.together, engines, ladder.record.region, left_out)
            return Started(Restoration(regional, io, photo, grid, progress), choice)
        tiles = ladder.tiles(choice.map, (height, width), io)
        taken = ladder.cheaper(tiles, grid)
        if taken is not tiles:
            choice = replace(ladder.given(photo.pixels, taken.choice), met=choice.met)
        choice = replace(choice, run_cost=ladder.price(taken, grid))
        return Started(Restoration(taken, io, photo, grid, progress), choice)


def _bleed(photo: Photo) -> None:
    if photo.alpha is not None:
        bleed(photo.pixels, photo.alpha)


def _shape(photo: Photo) -> ImageShape:
    height, width, colours = photo.pixels.shape
    return ImageShape(height, width, colours + (photo.alpha is not None), photo.pixels.dtype.itemsize)

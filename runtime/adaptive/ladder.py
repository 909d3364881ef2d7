"""The candidates of a bundle, loaded, with the estimator that tells them apart: makes maps, and restores by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import lcm
from typing import Any

import numpy as np
import numpy.typing as npt

from slsc.errors import BudgetError, UsageError
from slsc.runtime.adaptive.classes import Classifier, likeliest, require_no_errors
from slsc.runtime.adaptive.estimator import Estimator
from slsc.runtime.adaptive.left_out import LeftOut
from slsc.runtime.adaptive.mixed_tiles import LEAST_HALO, MixedTiles
from slsc.runtime.adaptive.one_pass import OnePass, everywhere, with_everywhere
from slsc.runtime.adaptive.regions import ChoiceMap, Regions, require_map
from slsc.runtime.adaptive.selection import Alone, Chosen, Table
from slsc.runtime.adaptive.timing import Clock, Clocked, Pace, measure, timed_hw
from slsc.runtime.adaptive.wish import Choice, Rules, Wish, chosen, summed_up
from slsc.runtime.backends.base import LEFT_OUT, Regional, Runner
from slsc.runtime.bundle.estimators import EstimatorRecord
from slsc.runtime.bundle.manifest import ImageIO, TileGeometry
from slsc.runtime.bundle.reader import Bundle
from slsc.runtime.tiles.tile_grid import TileGrid
from slsc.runtime.tiles.tiling import Tile, round_up

RESERVE = 0.05
"""Share of a time that is not planned with: runs vary, and so do machines."""


def estimator_of(bundle: Bundle) -> EstimatorRecord:
    """The bundle's estimator.

    Raises:
        UsageError: it has none.
    """
    record = bundle.manifest.estimator
    if record is None:
        raise UsageError(
            "the bundle cannot choose for itself",
            where=str(bundle.path),
            why="it has no estimator",
            hint="compile it with --adaptive, or choose with --engine",
        )
    return record


class Ladder:
    """The candidates of one bundle on one backend.

    Args:
        bundle: it has an estimator.
        runners: the loaded engines by name; the dearest alone where that holds the others as its candidates.
        clock: that time budgets go by.

    Raises:
        BundleError: the estimator is damaged.
    """

    def __init__(self, bundle: Bundle, runners: dict[str, Runner], clock: Clock) -> None:
        self._clock = clock
        self.record = estimator_of(bundle)
        reader = Classifier if self.record.classifies else Estimator
        self._estimator = reader(self.record, bundle.read(self.record.entry))
        self._manifest = bundle.manifest
        last = runners[self.record.engines[-1]]
        self.together: Regional | None = last if len(runners) == 1 and isinstance(last, Regional) else None
        self.names = self.record.candidates
        self.costs = tuple(bundle.manifest.cost(name) for name in self.names)
        self.runners: Sequence[Runner | None] = [runners.get(name) for name in self.names]
        self._everywhere: float | None = None
        self._measured: Pace | None = None

    def choose(self, pixels: npt.NDArray[Any], wish: Wish, clocked: Clocked, *, strict: bool = False) -> Choice:
        """The map that a wish asks for; where it asks for nothing, the classifier's, or that of the bundle's own beta.

        Args:
            pixels: HxWx1 or HxWx3, without alpha.
            wish: what is asked for.
            clocked: restores by maps of this ladder, on this device; for a time budget candidates are timed, once.
            strict: refuse what cannot be met.

        Raises:
            BudgetError: strict, and it cannot be met; exit code 3.
            UsageError: the wish needs what the bundle lacks.
        """
        pace = self._pace(clocked) if wish.time_budget is not None else None
        begun = self._clock()
        if self.record.classifies:
            require_no_errors(wish)
        table, dense = self._estimates(pixels)
        if self.record.classifies and not wish.given:
            return self._summed_up(likeliest(table), table, dense, pixels)
        own = self.record.beta_engines if self.leaves_out else self.record.beta
        wish = wish if wish.given else Wish(beta=own)
        if pace and wish.time_budget is not None:
            taken = 1000 * (self._clock() - begun + pace.start)
            wish = replace(wish, time_budget=max(0.0, (wish.time_budget - taken) * (1 - RESERVE)))
        rules = partial(self._rules, beside=pace.beside) if pace else self._rules
        found = chosen(wish, table, dense, pace.pixels if pace else None, rules)
        choice = self._summed_up(found, table, dense, pixels)
        if strict and not found.met:
            raise BudgetError(
                "what is asked for cannot be met",
                why=f"the nearest costs {choice.cost:.4f} of the dense network"
                + ("" if choice.loss is None else f", at an estimated loss of {choice.loss:.2f} dB"),
                hint="ask for less, or leave out --strict",
                exit_code=3,
            )
        return choice

    def given(self, pixels: npt.NDArray[Any], choice: npt.NDArray[Any]) -> Choice:
        """A map that is there already, for an image of its size.

        Raises:
            UsageError: it is of another size, or names a candidate that there is not.
        """
        found = Chosen(require_map(choice, self._regions(pixels), self.names), True)
        return self._summed_up(found, *self._estimates(pixels), pixels)

    def tiles(self, choice: ChoiceMap, hw: tuple[int, int], io: ImageIO) -> MixedTiles:
        """What restores tiles of a photo of this size by a map; `io` is what the networks take of such a photo."""
        geometry = self._manifest.tile
        regions = Regions(*hw, self.record.region)
        align = lcm(geometry.align, *io.multiple_of)
        halo = round_up(geometry.halo, align)
        return MixedTiles(self.runners, self.costs, choice, regions, io, halo, align)

    def cheaper(self, tiles: MixedTiles, grid: TileGrid) -> MixedTiles:
        """The map's dearest candidate everywhere, where that costs less: halos may cost more than they save."""
        dearest = replace(tiles, choice=np.full_like(tiles.choice, tiles.choice.max()))
        return min(tiles, dearest, key=lambda each: self.price(each, grid))

    def price(self, tiles: MixedTiles, grid: TileGrid) -> float:
        """Cost of an average pixel of the photo, with what surrounds the parts that are run on their own."""
        total = sum(tiles.price(Tile(row, column)) for row in grid.rows for column in grid.columns)
        return total / (tiles.regions.height * tiles.regions.width)

    @property
    def geometry(self) -> TileGeometry:
        """How far tiles overlap, and where they may start."""
        tile = self._manifest.tile
        align = lcm(tile.align, *self.record.region) if self.together else tile.align
        return replace(tile, align=align, halo=max(tile.halo, LEAST_HALO))

    @property
    def leaves_out(self) -> bool:
        """Whether one pass restores all regions but those that are given what costs nothing."""
        return self.together is not None and self.names != self.record.engines

    def engines_of(self, choice: ChoiceMap) -> ChoiceMap:
        """A map as the runner that holds all engines takes it."""
        if not self.leaves_out:
            return choice
        return np.where(choice == 0, LEFT_OUT, choice - 1).astype(np.uint8)

    def left_out(self, choice: ChoiceMap, io: ImageIO) -> LeftOut | None:
        """What restores the regions that such a runner does not; None where there are none."""
        if not self.leaves_out or choice.all():
            return None
        return LeftOut(choice == 0, self.record.region, io)

    def _pace(self, clocked: Clocked) -> Pace:
        if self._measured is None:
            self._measured = measure(
                clocked, self._manifest.io, self.record.region, len(self.names), leaves_out=self.leaves_out
            )
        return self._measured

    def _rules(self, table: Table, beside: float | None = None) -> Rules:
        return OnePass(table, self.record.region[0], beside) if self.leaves_out else Alone(table)

    def _estimates(self, pixels: npt.NDArray[Any]) -> tuple[Table, npt.NDArray[np.float64] | None]:
        found = self._estimator(pixels)
        return Table(found.candidates, self._pass_costs(), self._regions(pixels).pixels), found.dense

    def _pass_costs(self) -> npt.NDArray[np.float64]:
        """(K,) what a pixel costs with each candidate: left out, too, it costs what a pass computes everywhere."""
        if self._everywhere is None:
            passes = self.together if self.leaves_out else None
            self._everywhere = everywhere(passes, timed_hw(self._manifest.io)) if passes else 0.0
        return with_everywhere(np.array(self.costs), self._everywhere)

    def _regions(self, pixels: npt.NDArray[Any]) -> Regions:
        return Regions.of(pixels, self.record.region)

    def _summed_up(
        self, found: Chosen, table: Table, dense: npt.NDArray[Any] | None, pixels: npt.NDArray[Any]
    ) -> Choice:
        height, width = pixels.shape[:2]
        return summed_up(found, table, dense, self.names, self.record.region, (height, width), self._rules)


def mixing_bytes(scale: int, channels: int, height: int, width: int) -> int:
    """What mixing holds beside a run: the mixed tile, one candidate's share of it, its weights."""
    pixels = height * width * scale**2
    return pixels * (2 * channels * 4 + 2 * 4 + 1)

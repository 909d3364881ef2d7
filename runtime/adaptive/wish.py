"""What a user asks of an adaptive restoration, and the map that comes of it for an image."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt

from slsc.errors import UsageError
from slsc.runtime.adaptive.regions import ChoiceMap, Regions, Size, shares
from slsc.runtime.adaptive.selection import Chosen, Table

ASKED = {"beta": "--beta", "budget": "--budget", "time_budget": "--time-budget", "quality": "--quality"}
"""Ways to ask, and the options of `slsc run`."""


@dataclass(frozen=True)
class Wish:
    """At most one of these; none asks for what the bundle was compiled for.

    Attributes:
        beta: of Eq. 8; 0 for the best quality.
        budget: most that the average pixel of an image may cost, a share of the dense network's cost, 0..1.
        time_budget: most milliseconds an image may take, from its pixels to those of the output, by what candidates
            take on this device.
        quality: most decibels that an image may lose to the dense network, as estimated; the least cost is taken.

    Raises:
        UsageError: several are given, or one is out of range.
    """

    beta: float | None = None
    budget: float | None = None
    time_budget: float | None = None
    quality: float | None = None

    def __post_init__(self) -> None:
        given = {name: value for name, value in self.__dict__.items() if value is not None}
        if len(given) > 1:
            raise UsageError(
                f"{' and '.join(ASKED[name] for name in given)} ask for different things", hint="give one of them"
            )
        for name, value in given.items():
            if not (math.isfinite(value) and value >= 0):
                raise UsageError(f"{ASKED[name]} {value:g} is no amount", hint="give a number, 0 or more")
        if self.budget is not None and not 0 < self.budget <= 1:
            raise UsageError(f"--budget {self.budget:g} is outside 0..1", hint="give a share such as 1/8")

    @property
    def given(self) -> bool:
        """Whether anything is asked for."""
        return any(value is not None for value in self.__dict__.values())


@dataclass(frozen=True)
class Choice:
    """The candidates of an image's regions.

    Attributes:
        map: (rows, columns) of indices into `candidates`.
        candidates: their names, cheapest first.
        size: height and width of a region, input pixels.
        hw: height and width of the image that it was made for, input pixels.
        shares: of the pixels that each candidate restores.
        cost: average cost of a pixel, a share of the dense network's, estimating not counted.
        loss: decibels to the dense network, as estimated; None where that is not known.
        met: whether what was asked for is met, as estimated; else it is the nearest that can be.
        run_cost: `cost` with what is run beside: what surrounds parts that are run on their own.
    """

    map: ChoiceMap
    candidates: tuple[str, ...]
    size: Size
    hw: tuple[int, int]
    shares: tuple[float, ...]
    cost: float
    loss: float | None
    met: bool
    run_cost: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values, the map left out."""
        named = dict(zip(self.candidates, self.shares, strict=True))
        return {
            "shares": named,
            "cost": self.cost,
            "run_cost": self.run_cost,
            "estimated_loss": self.loss,
            "met": self.met,
        }


class Rules(Protocol):
    """How regions are chosen for; see `slsc.runtime.adaptive.selection`."""

    def by_beta(self, beta: float) -> ChoiceMap:
        """See `selection.by_beta`."""
        ...

    def by_budget(self, budget: float) -> Chosen:
        """See `selection.by_budget`."""
        ...

    def by_loss(self, reference: npt.NDArray[Any], decibels: float) -> Chosen:
        """See `selection.by_loss`."""
        ...

    def cost(self, choice: ChoiceMap) -> float:
        """Average cost of a pixel of what is run."""
        ...


def chosen(
    wish: Wish,
    table: Table,
    dense: npt.NDArray[Any] | None,
    seconds: npt.NDArray[Any] | None,
    rules: Callable[[Table], Rules],
) -> Chosen:
    """The map that a wish asks for.

    Args:
        wish: with exactly one field set.
        table: estimated errors, and costs as shares of the dense network's.
        dense: (rows, columns) estimated error of the dense network, where it is known; `quality` needs it.
        seconds: (K,) seconds that a pixel takes with each candidate, ascending; `time_budget` needs it.
        rules: those for a table.

    Raises:
        UsageError: what the wish needs is not known.
    """
    if wish.beta is not None:
        return Chosen(rules(table).by_beta(wish.beta), True)
    if wish.budget is not None:
        return rules(table).by_budget(wish.budget)
    if wish.quality is not None:
        if dense is None:
            raise UsageError(
                "the loss to the dense network cannot be estimated",
                why="the bundle was compiled without wanted images",
                hint="use --budget or --beta",
            )
        return rules(table).by_loss(dense, wish.quality)
    if wish.time_budget is None or seconds is None:
        raise UsageError("nothing is asked for", hint=f"give one of {', '.join(ASKED.values())}")
    timed = Table(table.errors, seconds, table.pixels)
    return rules(timed).by_budget(wish.time_budget / 1000 / table.pixels.sum())


def summed_up(
    found: Chosen,
    table: Table,
    dense: npt.NDArray[Any] | None,
    names: tuple[str, ...],
    size: Size,
    hw: tuple[int, int],
    rules: Callable[[Table], Rules],
) -> Choice:
    """A map with what it means."""
    loss = None if dense is None else 10 * math.log10(table.error(found.choice) / table.mean(dense))
    parts = shares(found.choice, Regions(*hw, size), len(names))
    cost, run_cost = table.cost(found.choice), rules(table).cost(found.choice)
    return Choice(found.choice, names, size, hw, tuple(parts.tolist()), cost, loss, found.met, run_cost)

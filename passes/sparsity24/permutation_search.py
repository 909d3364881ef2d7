"""Looking for an order of the channels in which masks keep more energy: exchanges, the best one for each channel.

After Pool and Yu, Channel Permutations for N:M Sparsity, NeurIPS 2021, whose greedy exchanges this follows, with the
energy that the N:M mask keeps under the 2:4 rule in place of the magnitude that 2:4 alone keeps. Channels that must be
permuted alike are exchanged alike, and an exchange counts in every layer that reads them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx

from slsc.passes.analysis.layers import ConvLayer
from slsc.passes.narrowing import Channels
from slsc.passes.narrowing.classes import Ids
from slsc.passes.sparsity24.columns import Columns
from slsc.passes.sparsity24.freedom import Orbit, orbits
from slsc.passes.weights import weight_values

LEAST_GAIN = 1e-7
"""Exchanges that add less, as a share of a layer's energy, are not made: rounding would go on for ever."""

Told = Callable[[str, int, int], None]
"""Called with (stage, done, total)."""


@dataclass(frozen=True)
class Wanted:
    """The pattern that a layer's weight shall have, 2:4 as well.

    Attributes:
        n, m: N:M.
    """

    n: int
    m: int


@dataclass(frozen=True)
class Found:
    """An order of the channels, and what it brings.

    Attributes:
        order: (channels.count,), `order[c]` is the class that takes the place of class c; for `PermuteChannels`.
        kept: by layer, the share of its energy that a mask keeps, before and after.
        exchanges: how many were made.
        finished: whether no further exchange would help; False where the sweeps or the time were used up.
    """

    order: npt.NDArray[np.int64]
    kept: Mapping[str, tuple[float, float]]
    exchanges: int
    finished: bool


@dataclass(frozen=True)
class Effort:
    """How long to look.

    Attributes:
        sweeps: how often at most every channel is tried. The result is the same on every machine as long as these end
            first.
        seconds: wall-clock time at most.
        seed: of the order in which channels are tried.
    """

    sweeps: int = 8
    seconds: float = 60.0
    seed: int = 0


def find_order(
    model: onnx.ModelProto,
    channels: Channels,
    layers: Sequence[ConvLayer],
    wanted: Mapping[str, Wanted],
    grouped: Mapping[str, int],
    effort: Effort,
    told: Told,
) -> Found:
    """Exchange channels until no exchange helps, or the effort is used up.

    Only channels are exchanged that lie in one group wherever a layer of `grouped` reads them, so that N:M stays what
    it was. What fits 2:4 hardware goes on to: a layer of which a mask keeps everything never loses by an exchange.

    Args:
        model: its weights.
        channels: of the model.
        layers: its convolutions, of one convolution group each.
        wanted: the pattern by weight; a layer without one does not count.
        grouped: size of the groups by weight, of every layer whose N:M must stay.
        effort: how long to look.
        told: told as work proceeds.
    """
    values = weight_values(model)
    read = {
        layer.name: (channels.axes[layer.name, 1], Columns(values[layer.name], goal.n, goal.m))
        for layer in layers
        if (goal := wanted.get(layer.name)) is not None and (layer.name, 1) in channels.axes
    }
    before = {name: columns.kept for name, (_, columns) in read.items()}
    order = np.arange(channels.count)
    groups = [(channels.axes[name, 1], m) for name, m in grouped.items() if (name, 1) in channels.axes]
    search = _Search(order, effort)
    free = [orbit for orbit in orbits(model, channels) if any(_reads(ids, orbit) for ids, _ in read.values())]
    finished = True
    for done, orbit in enumerate(free):
        told("ordering channels", done, len(free))
        readers = [_Reader(*each, orbit) for each in read.values() if _reads(each[0], orbit)]
        places = [_places(ids, orbit) // m for ids, m in groups if _reads(ids, orbit)]
        finished &= search.improve(orbit, readers, places)
    told("ordering channels", len(free), len(free))
    kept = {
        name: (before[name] / columns.total, columns.kept / columns.total) if columns.total else (1.0, 1.0)
        for name, (_, columns) in read.items()
    }
    return Found(order, kept, search.exchanges, finished)


def _reads(ids: Ids, orbit: Orbit) -> bool:
    return bool(np.isin(orbit.classes, ids).all())


def _places(ids: Ids, orbit: Orbit) -> npt.NDArray[np.int64]:
    """(channels of the orbit, occurrences of each): where they are among `ids`."""
    return np.array([np.flatnonzero(ids == number) for number in orbit.classes])


class _Reader:
    """A layer that reads an orbit's channels: the columns of each, the n-th of one for the n-th of another."""

    def __init__(self, ids: Ids, columns: Columns, orbit: Orbit) -> None:
        self.columns = columns
        self.places = _places(ids, orbit)

    def gains(self, one: int, others: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Of exchanging the orbit's channel number `one` with each of `others`, as shares of the layer's energy."""
        firsts = np.broadcast_to(self.places[one], (len(others), self.places.shape[1]))
        return self.columns.gains(firsts, self.places[others]) / (self.columns.total or 1.0)


class _Search:
    def __init__(self, order: npt.NDArray[np.int64], effort: Effort) -> None:
        self.order, self.exchanges = order, 0
        self._sweeps = effort.sweeps
        self._end = time.monotonic() + effort.seconds
        self._random = np.random.default_rng(effort.seed)

    def improve(self, orbit: Orbit, readers: Sequence[_Reader], groups: Sequence[npt.NDArray[np.int64]]) -> bool:
        """Exchange channels of one orbit; whether no further exchange helps.

        Args:
            orbit: which ones.
            readers: the layers that count.
            groups: (channels of the orbit, occurrences): in which group each lies, for every layer that has groups.
        """
        for _ in range(self._sweeps):
            made = 0
            for one in self._random.permutation(len(orbit.classes)).tolist():
                if time.monotonic() > self._end:
                    return False
                made += self._best_exchange(one, orbit, readers, groups)
            if not made:
                return True
        return False

    def _best_exchange(
        self, one: int, orbit: Orbit, readers: Sequence[_Reader], groups: Sequence[npt.NDArray[np.int64]]
    ) -> bool:
        others = np.delete(np.arange(len(orbit.classes)), one)
        for lies_in in groups:
            others = others[(lies_in[others] == lies_in[one]).all(1)]
        if not len(others):
            return False
        gains = np.zeros(len(others))
        for reader in readers:
            gain = reader.gains(one, others)
            gains += np.where(reader.columns.whole & (gain < -LEAST_GAIN), -np.inf, gain)
        best = int(np.argmax(gains))
        if not gains[best] > LEAST_GAIN:
            return False
        other = int(others[best])
        for reader in readers:
            reader.columns.exchange(reader.places[one], reader.places[other])
        pair = [orbit.classes[one], orbit.classes[other]]
        self.order[pair] = self.order[pair[::-1]]
        self.exchanges += 1
        return True

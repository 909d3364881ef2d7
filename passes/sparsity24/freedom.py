"""Which channels of a network may change places without changing what it computes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx

from slsc.passes.narrowing import Channels
from slsc.passes.narrowing.classes import FIXED, Ids


@dataclass(frozen=True)
class Orbit:
    """Channels that may change places with one another.

    Attributes:
        value: the first of the graph's values that they run through.
        classes: their classes, in the order of their channels.
    """

    value: str
    classes: tuple[int, ...]


def orbits(model: onnx.ModelProto, channels: Channels) -> tuple[Orbit, ...]:
    """The sets of channels that may be permuted, in the graph's order.

    Channels may change places where
      1. they may be removed (`follow_channels`): nothing ties their number or order to an image, and every node they
         run through treats channels one by one,
      2. they run through the same values, and occur in each of them, and along each initializer, equally often, and
      3. no Slice or Gather reads a value in which one of them occurs more than once: it could take the first
         occurrence of one channel and the second of another.
    """
    picked = {node.input[0] for node in model.graph.node if node.op_type in ("Slice", "Gather")}
    counts = _occurrences(channels)
    repeated = {
        number
        for name in picked & channels.values.keys()
        for number, count in zip(*np.unique(channels.values[name], return_counts=True), strict=True)
        if count > 1
    }
    found: list[Orbit] = []
    for width in channels.widths:
        alike: defaultdict[tuple[tuple[object, int], ...], list[int]] = defaultdict(list)
        for number in width.classes:
            if number not in repeated:
                alike[tuple(counts[number])].append(number)
        found.extend(Orbit(width.value, tuple(classes)) for classes in alike.values() if len(classes) > 1)
    return tuple(found)


def sources(ids: Ids, order: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where each channel comes from when classes change places.

    Args:
        ids: (C,) class of each channel.
        order: (classes,), `order[c]` is the class that takes the place of class c.

    Returns:
        (C,) positions: the n-th channel of class c is taken from the n-th channel of class `order[c]`.
    """
    by_class = np.argsort(ids, kind="stable")
    numbers, starts = np.unique(ids[by_class], return_index=True)
    first = dict(zip(numbers.tolist(), starts.tolist(), strict=True))
    nth = np.empty(len(ids), np.int64)
    nth[by_class] = np.arange(len(ids)) - np.repeat(starts, np.diff([*starts, len(ids)]))
    return by_class[[first[int(order[number])] + place for number, place in zip(ids, nth, strict=True)]]


def _occurrences(channels: Channels) -> dict[int, list[tuple[object, int]]]:
    """By class: how often it occurs in each value and along each axis of an initializer."""
    counts: defaultdict[int, list[tuple[object, int]]] = defaultdict(list)
    for where, ids in (*channels.values.items(), *channels.axes.items()):
        for number, count in zip(*np.unique(ids, return_counts=True), strict=True):
            if number != FIXED:
                counts[int(number)].append((where, int(count)))
    return counts

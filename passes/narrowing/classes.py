"""Channels that can only be removed together: disjoint sets, merged as the graph shows what it ties."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]
"""One number per channel; channels of one class have one `Classes.find`."""

FIXED = 0
"""The class of the channels that must stay."""


class Classes:
    """Disjoint sets over channel numbers. Number 0 is `FIXED` from the start."""

    def __init__(self) -> None:
        self._parent = [FIXED]

    def fresh(self, count: int) -> Ids:
        """Numbers of `count` new channels, each a class of its own."""
        first = len(self._parent)
        self._parent.extend(range(first, first + count))
        return np.arange(first, first + count)

    def find(self, ids: Ids) -> Ids:
        """The number that stands for each channel's class; `FIXED` for channels that must stay."""
        return np.array([self._root(int(number)) for number in ids.flat], np.int64).reshape(ids.shape)

    def tie(self, left: Ids, right: Ids) -> None:
        """Merge the classes of `left` and `right`, channel by channel; shapes broadcast."""
        for one, other in np.broadcast(left, right):
            low, high = sorted((self._root(int(one)), self._root(int(other))))
            self._parent[high] = low  # FIXED is the lowest number, so it stays a root

    def fix(self, ids: Ids) -> None:
        """Let channels stay for good, and with them their classes."""
        self.tie(ids, np.array(FIXED))

    def _root(self, number: int) -> int:
        while self._parent[number] != number:
            self._parent[number] = self._parent[self._parent[number]]
            number = self._parent[number]
        return number

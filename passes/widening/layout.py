"""Where the channels of a value lie once some widths have more of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from slsc.passes.narrowing.classes import Ids


@dataclass(frozen=True)
class Layout:
    """A list of channels with new ones in it.

    Attributes:
        sources: (new C,) the channel before that each one is; for a new one, the channel it stands beside.
        fresh: (new C,) bool, True for the new ones.
    """

    sources: npt.NDArray[np.int64]
    fresh: npt.NDArray[np.bool_]

    def widened(self, array: npt.NDArray[np.generic], axis: int, zeros: bool) -> npt.NDArray[np.generic]:
        """An array with slices for the new channels along `axis`: zeros, or what stands beside them."""
        wide = array.take(self.sources, axis)
        if zeros:
            wide[(slice(None),) * axis + (self.fresh,)] = 0
        return wide


def layout(ids: Ids, more: Mapping[int, int]) -> Layout:
    """Put new channels after those of the last class of their width.

    Where a class occurs several times in a row, as before a pixel shuffle that reads its sub-pixels one after the
    other, the new channels follow with as many occurrences each; where its occurrences lie apart, after each of them.

    Args:
        ids: (C,) class of each channel.
        more: new channels by the last class of the width.
    """
    sources: list[npt.NDArray[np.int64]] = []
    fresh: list[npt.NDArray[np.bool_]] = []
    ends = [*np.flatnonzero(np.diff(ids)).tolist(), len(ids) - 1]
    start = 0
    for end in ends:
        run = np.arange(start, end + 1)
        copies = 1 + more.get(int(ids[start]), 0)
        sources.append(np.tile(run, copies))
        fresh.append(np.arange(copies * len(run)) >= len(run))
        start = end + 1
    return Layout(np.concatenate(sources), np.concatenate(fresh))

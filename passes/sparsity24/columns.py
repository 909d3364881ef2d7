"""A layer's weight as the permutation search sees it: columns that change places, and the energy a mask would keep."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from slsc.passes.sparsity24.energy import Floats, kept_energy
from slsc.pattern import WINDOW, group_sizes, kept_in_group

ROUNDING = 1e-6
"""Shares of a layer's energy below this are not told from the rounding of sums."""


class Columns:
    """One weight, its input channels in the order tried at the moment.

    Args:
        weight: (K, C, ...).
        n, m: the pattern; masks fit 2:4 hardware too.
    """

    def __init__(self, weight: npt.NDArray[np.floating], n: int, m: int) -> None:
        rows = np.moveaxis(weight, 1, -1).reshape(-1, weight.shape[1])
        self._energy: Floats = np.square(rows, dtype=np.float32)
        self.m = m
        sizes = group_sizes(weight.shape[1], m)
        self._limits = [kept_in_group(n, m, size) for size in sizes]
        self._kept = [float(self._group(self._energy, group)) for group in range(len(sizes))]
        self.total = float(self._energy.sum(dtype=np.float64))

    @property
    def kept(self) -> float:
        """Energy that the best mask keeps in the present order."""
        return sum(self._kept)

    @property
    def whole(self) -> bool:
        """Whether the best mask keeps everything, but for rounding."""
        return self.kept >= self.total * (1 - ROUNDING)

    def gains(self, firsts: npt.NDArray[np.int64], seconds: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """What exchanging columns would add to `kept`, one exchange at a time.

        Args:
            firsts, seconds: (exchanges, columns): entry by entry, the two columns that change places; all distinct
                within an exchange.
        """
        gains = np.zeros(len(firsts))
        touched = np.unique(np.concatenate([firsts, seconds], 1) // self.m)
        for group in touched.tolist():
            start = group * self.m
            inside = np.flatnonzero(
                ((firsts // self.m == group) | (seconds // self.m == group)).any(1)
                & (firsts // WINDOW != seconds // WINDOW).any(1)
            )
            if not len(inside):
                continue
            block = self._energy[:, start : start + self.m]
            trial = np.broadcast_to(block, (len(inside), *block.shape)).copy()
            for ours, theirs in ((firsts, seconds), (seconds, firsts)):
                here, columns = np.nonzero(ours[inside] // self.m == group)
                places, sources = ours[inside[here], columns] - start, theirs[inside[here], columns]
                trial[here, :, places] = self._energy[:, sources].T
            gains[inside] += kept_energy(trial, self._limits[group], True) - self._kept[group]
        return gains

    def exchange(self, firsts: npt.NDArray[np.int64], seconds: npt.NDArray[np.int64]) -> None:
        """Let columns change places for good."""
        ours, theirs = np.concatenate([firsts, seconds]), np.concatenate([seconds, firsts])
        self._energy[:, ours] = self._energy[:, theirs]
        for group in np.unique(ours // self.m).tolist():
            self._kept[group] = float(self._group(self._energy, group))

    def _group(self, energy: Floats, group: int) -> npt.NDArray[np.float64]:
        block = energy[:, group * self.m : (group + 1) * self.m]
        return kept_energy(block, self._limits[group], True)

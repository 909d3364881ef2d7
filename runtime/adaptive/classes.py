"""Classified regions: the network that a classifier gives each, and what others lack to it (ClassPruning)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from slsc.errors import UsageError
from slsc.runtime.adaptive.estimator import Estimates, RegionalEntry
from slsc.runtime.adaptive.selection import Chosen, Table
from slsc.runtime.adaptive.wish import ASKED, Wish

HIGHEST = 1e6
"""Regrets end here, so that sums over an image stay numbers whatever weights a bundle holds."""


class Classifier(RegionalEntry):
    """A classifier of a bundle.

    Its estimates are no errors but regrets: by how much a class is less likely than the likeliest, as logarithms. They
    take the errors' place wherever one candidate is weighed against another: for a budget, the map is the likeliest
    that costs no more.
    """

    def __call__(self, pixels: npt.NDArray[Any]) -> Estimates:
        """Classify, of HxWx1 or HxWx3 pixels of any dtype that photos have."""
        return Estimates(regrets(self._numbers(pixels)), None)


def regrets(logits: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """(K, rows, columns) logits to what each lacks to the largest of its region, 0 or more."""
    finite = np.nan_to_num(logits.astype(np.float64), nan=-HIGHEST).clip(-HIGHEST, HIGHEST)
    return np.asarray(finite.max(0) - finite)


def likeliest(table: Table) -> Chosen:
    """The likeliest class of every region; among equals the cheaper."""
    return Chosen(table.errors.argmin(0).astype(np.uint8), True)


def require_no_errors(wish: Wish) -> None:
    """Refuse what estimated errors are needed for.

    Raises:
        UsageError: the wish is a beta or a quality.
    """
    for name in ("beta", "quality"):
        if getattr(wish, name) is not None:
            raise UsageError(
                f"{ASKED[name]} weighs estimated errors",
                why="this bundle has a classifier, which tells the network of a region and not its error",
                hint=f"use {ASKED['budget']} or {ASKED['time_budget']}, or leave the choice to the classifier",
            )

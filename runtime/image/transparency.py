"""Colour of fully transparent pixels: most files hold black there, which a network would smear into the rim."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

REACH = 16
"""Pixels that colour bleeds into the transparent, more than what lies further out still shows in the visible."""

STRIP_ROWS = 64
"""Rows done at a time, which bounds the temporaries."""

ROUND = (
    (np.s_[1:, :], np.s_[:-1, :]),
    (np.s_[:, 1:], np.s_[:, :-1]),
    (np.s_[:, :-1], np.s_[:, 1:]),
    (np.s_[:-1, :], np.s_[1:, :]),
)
"""Pixels that take colour, and from where: from above, from the left, from the right, from below."""


def bleed(pixels: npt.NDArray[Any], alpha: npt.NDArray[Any]) -> None:
    """Give pixels of alpha 0 the colour of the nearest others, in place.

    In each of `REACH` rounds every pixel without colour takes that of its first neighbour which had one before the
    round. Others, and those further out, keep what they have. The native runtime's bundle/transparency.cpp does the
    same.

    Args:
        pixels: HxWxC colours.
        alpha: HxW, 0 = transparent.
    """
    # Only colours of visible pixels are ever read, so what earlier strips have changed does not matter to later ones.
    for start in range(0, len(pixels), STRIP_ROWS):
        first, stop = max(0, start - REACH), start + STRIP_ROWS
        coloured = alpha[first : stop + REACH] > 0
        if coloured[start - first : stop - first].all() or not coloured.any():
            continue
        strip = pixels[first : stop + REACH].copy()
        for _ in range(REACH):
            _spread(strip, coloured)
        pixels[start:stop] = strip[start - first : stop - first]


def _spread(strip: npt.NDArray[Any], coloured: npt.NDArray[np.bool_]) -> None:
    """One round."""
    before = coloured.copy()
    for taker, source in ROUND:
        takes = before[source] & ~coloured[taker]
        strip[taker][takes] = strip[source][takes]
        coloured[taker] |= takes

"""What a pass by region leaves out of a photo, put in by what costs nothing.

At the border of a region that is left out its pixels and the network's fade into each other, as in `mixed_tiles`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from slsc.runtime.adaptive.enlarging import ENLARGING_HALO, enlarged
from slsc.runtime.adaptive.mixed_tiles import FADE, Part, faded
from slsc.runtime.adaptive.regions import Size
from slsc.runtime.backends.base import Batch
from slsc.runtime.bundle.manifest import ImageIO

Cut = Callable[[Part], Batch]
"""Gives the pixels of a rectangle of the input, as a network takes them."""


@dataclass(frozen=True)
class LeftOut:
    """The regions of one photo that are left out.

    Attributes:
        regions: (rows, columns), true where nothing is restored.
        size: of a region, input pixels.
        io: how pixels enter and leave the network.
    """

    regions: npt.NDArray[np.bool_]
    size: Size
    io: ImageIO

    def fill(self, restored: npt.NDArray[np.float32], first: int, within: Part, cut: Cut) -> None:
        """Put in what is missing.

        Args:
            restored: (channels, rows, columns) of the output, as the network left it; changed in place. Its columns are
                those of `within`.
            first: its first output row.
            within: the rectangle of the input that `cut` gives; beyond the photo regions are those of its border.
            cut: see there.
        """
        scale = self.io.scale
        last = first + restored.shape[1]
        for part in self._missing(first // scale, -(-last // scale), within):
            top, bottom = max(first, part.top * scale), min(last, part.bottom * scale)
            rows = slice(top - part.top * scale, bottom - part.top * scale)
            there = restored[
                :,
                top - first : bottom - first,
                (part.left - within.left) * scale : (part.right - within.left) * scale,
            ]
            found, around = self._enlarged(part, within, cut)[:, rows], self._pixels(part, FADE)
            for columns, fades in _columns(around):
                wide = slice(columns.start * scale, columns.stop * scale)
                if fades:
                    seen = around[:, columns.start : columns.stop + 2 * FADE]
                    weight = faded(seen, scale)[FADE * scale :, FADE * scale : -FADE * scale][rows]
                    there[..., wide] += weight * (found[..., wide] - there[..., wide])
                else:
                    there[..., wide] = found[..., wide]

    def _missing(self, top: int, bottom: int, within: Part) -> Iterator[Part]:
        """Rectangles that hold all pixels of some rows which are missing or fade, each once."""
        edges: list[int] = (np.arange(top // self.size[0], bottom // self.size[0] + 2) * self.size[0]).tolist()
        cuts = sorted(
            {top, bottom, *(cut for edge in edges for cut in (edge - FADE, edge + FADE) if top < cut < bottom)}
        )
        square = np.ones((2 * FADE + 1, 2 * FADE + 1), np.uint8)
        near = cv2.dilate(self._pixels(Part(top, bottom, within.left, within.right), FADE).astype(np.uint8), square)
        near = near[FADE:-FADE, FADE:-FADE]
        lines = np.maximum.reduceat(near, np.array(cuts[:-1]) - top, 0)
        changes = [0, *(np.flatnonzero((lines[1:] != lines[:-1]).any(1)) + 1).tolist(), len(lines)]
        for start, stop in pairwise(changes):
            runs = np.flatnonzero(np.diff(np.pad(lines[start].astype(np.int8), 1)))
            for left, right in runs.reshape(-1, 2).tolist():
                yield Part(cuts[start], cuts[stop], within.left + left, within.left + right)

    def _pixels(self, part: Part, around: int) -> npt.NDArray[np.bool_]:
        """Which input pixels of a rectangle, and so many around it, lie in regions that are left out."""
        rows, columns = (
            (np.arange(start - around, stop + around) // side).clip(0, count - 1)
            for start, stop, side, count in zip(
                (part.top, part.left), (part.bottom, part.right), self.size, self.regions.shape, strict=True
            )
        )
        return np.asarray(self.regions[np.ix_(rows, columns)])

    def _enlarged(self, part: Part, within: Part, cut: Cut) -> npt.NDArray[np.float32]:
        seen = Part(
            max(within.top, part.top - ENLARGING_HALO),
            min(within.bottom, part.bottom + ENLARGING_HALO),
            max(within.left, part.left - ENLARGING_HALO),
            min(within.right, part.right + ENLARGING_HALO),
        )
        scale = self.io.scale
        made = enlarged(cut(seen), self.io)[0]
        top, left = (part.top - seen.top) * scale, (part.left - seen.left) * scale
        return made[
            :,
            top : top + (part.bottom - part.top) * scale,
            left : left + (part.right - part.left) * scale,
        ]


def _columns(around: npt.NDArray[np.bool_]) -> Iterator[tuple[slice, bool]]:
    """Columns of a part, and whether anything fades in them, from which pixels of it and `FADE` around are left out."""
    square = np.ones((2 * FADE + 1, 2 * FADE + 1), np.uint8)
    alone = np.asarray(cv2.erode(around.astype(np.uint8), square)[FADE:-FADE, FADE:-FADE].min(0) > 0)
    cuts = [0, *(np.flatnonzero(alone[1:] != alone[:-1]) + 1).tolist(), len(alone)]
    for start, stop in pairwise(cuts):
        yield slice(start, stop), not alone[start]

"""Photos smaller than a network takes: how far they are continued by mirroring.

A network that mirrors its input by 7 pixels, or pools windows of 8, takes no photo of 4. Its bundle does not say so:
the engine is asked.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace

import numpy as np

from slsc.errors import BackendError
from slsc.runtime.backends.base import AllocationFailed, Runner, Streaming
from slsc.runtime.bundle.engines import Engine
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.tiles.tiling import round_up

MOST = 512
"""Pixels a side that every network is taken to accept."""

FEW = 32
"""Pixels a side that most networks accept, and are cheap to try."""


class LeastSize:
    """The smallest square image that an engine takes, looked for once a photo comes that may be smaller.

    Args:
        runner: the loaded engine.
        engine: its record.
        io: its conventions.
    """

    def __init__(self, runner: Runner, engine: Engine, io: ImageIO) -> None:
        self._runner, self._engine, self._io = runner, engine, io
        self._taken, self._refused = MOST, 0

    def fitted(self, height: int, width: int) -> ImageIO:
        """The conventions for an image of this size: where the engine does not take it, its sides are multiples of what
        the engine takes, so that it is continued to these. An engine that takes no size is left to say why.
        """
        io, shorter = self._io, min(height, width)
        if io.fixed_hw or self._takes(min(shorter, FEW)) or self._takes(shorter):
            return io
        sides = range(shorter + 1, MOST + 1)
        least = sides[min(bisect_left(sides, True, key=self._takes), len(sides) - 1)]
        if not self._takes(least):
            return io
        rows, columns = (
            round_up(max(side, least), multiple) for side, multiple in zip((height, width), io.multiple_of, strict=True)
        )
        return replace(io, multiple_of=(rows, columns))

    def _takes(self, side: int) -> bool:
        """Whether a square image is taken, enlarged to the multiples that the network wants."""
        if self._refused < side < self._taken:
            if self._runs(side):
                self._taken = side
            else:
                self._refused = side
        return side >= self._taken

    def _runs(self, side: int) -> bool:
        rows, columns = (round_up(side, multiple) for multiple in self._io.multiple_of)
        try:
            self._runner.run_bytes(self._engine, rows, columns)
            if not isinstance(self._runner, Streaming):  # others find out by running only
                self._runner.run(np.zeros((1, self._io.channels, rows, columns), np.float32))
        except BackendError:
            return False
        except AllocationFailed:
            return True
        return True

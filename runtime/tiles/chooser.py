"""Which candidate restores which tile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt

from slsc.runtime.tiles.tiling import Tile


class Chooser(Protocol):
    """Gives every tile one of the bundle's candidates."""

    def choose(self, tile: Tile, image: npt.NDArray[Any]) -> str:
        """The name of a tile's candidate.

        Args:
            tile: where it lies in the image, input pixels.
            image: the whole of it, HxWxC of the photo's dtype; `cut_out` gives what the network is shown of it.
        """
        ...


@dataclass(frozen=True)
class FixedChooser:
    """The same candidate for every tile."""

    candidate: str

    def choose(self, tile: Tile, image: npt.NDArray[Any]) -> str:
        """See `Chooser.choose`."""
        return self.candidate

"""What restores a tile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from slsc.runtime.backends.base import Batch, Runner
from slsc.runtime.tiles.tiling import Tile


class TileRunner(Protocol):
    """Restores tiles of one photo."""

    def run(self, image: Batch, tile: Tile) -> Batch:
        """Restore one tile.

        Args:
            image: the tile, halo included, as the network takes it.
            tile: where it lies in the photo.

        Raises:
            AllocationFailed, BackendError: as `Runner.run`.
        """
        ...


@dataclass(frozen=True)
class OneNetwork:
    """The same network for every tile."""

    runner: Runner

    def run(self, image: Batch, tile: Tile) -> Batch:
        """See `TileRunner.run`."""
        return self.runner.run(image)

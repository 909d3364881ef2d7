"""A restoration brings every tile, or its halves where memory is short, to what restores it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from slsc.runtime.backends import AllocationFailed, Runner, load_backend
from slsc.runtime.image.photo import Photo
from slsc.runtime.tiles.restoration import Restoration
from slsc.runtime.tiles.tile_grid import TileGrid
from slsc.runtime.tiles.tile_runner import OneNetwork, TileRunner
from slsc.runtime.tiles.tiling import Tile, spans

SIDE, EXTENT = 24, 8
IMAGE = np.random.default_rng(3).integers(1, 255, (SIDE, SIDE, 3), np.uint8)


class Darkness:
    """A network whose output is black, for up to `limit` pixels."""

    def __init__(self, limit: int = SIDE**2) -> None:
        self.limit, self.sizes = limit, []

    def run(self, batch: np.ndarray) -> np.ndarray:
        if batch.shape[2] * batch.shape[3] > self.limit:
            raise AllocationFailed
        self.sizes.append(batch.shape[2:])
        return np.zeros_like(batch)


class Diagonal:
    """Darkness on the tiles of the diagonal; writes down what it was shown."""

    def __init__(self, same: Runner, dark: Darkness) -> None:
        self.same, self.dark = same, dark
        self.tiles: list[Tile] = []

    def run(self, image: np.ndarray, tile: Tile) -> np.ndarray:
        self.tiles.append(tile)
        middles = [(span.core_start + span.core_stop) // 2 // EXTENT for span in (tile.rows, tile.columns)]
        return self.dark.run(image) if middles[0] == middles[1] else self.same.run(image)


def identity(tiny: SimpleNamespace) -> Runner:
    return load_backend("onnxruntime", 1).load(tiny.identity_network())


def restored(tiny: SimpleNamespace, runner: TileRunner) -> np.ndarray:
    cut = spans(SIDE, EXTENT, 0, 1)
    grid = TileGrid(cut, cut, 0, 1, can_split=True)
    io = tiny.manifest(scale=1).io
    return np.concatenate(list(Restoration(runner, io, Photo(IMAGE), grid, None).bands()))


def wanted() -> np.ndarray:
    blocks = np.kron(np.eye(SIDE // EXTENT), np.ones((EXTENT, EXTENT))).astype(bool)
    return np.where(blocks[:, :, None], 0, IMAGE)


def test_each_tile_is_restored_once_where_it_lies(tiny: SimpleNamespace) -> None:
    runner = Diagonal(identity(tiny), Darkness())
    assert np.array_equal(restored(tiny, runner), wanted())
    assert len(set(runner.tiles)) == len(runner.tiles) == (SIDE // EXTENT) ** 2


def test_halves_of_a_tile_are_told_where_they_lie(tiny: SimpleNamespace) -> None:
    dark = Darkness(limit=EXTENT**2 // 2)
    assert np.array_equal(restored(tiny, Diagonal(identity(tiny), dark)), wanted())
    assert set(dark.sizes) == {(EXTENT // 2, EXTENT)}


def test_one_network_restores_them_all(tiny: SimpleNamespace) -> None:
    assert not restored(tiny, OneNetwork(Darkness())).any()
    assert np.array_equal(restored(tiny, OneNetwork(identity(tiny))), IMAGE)

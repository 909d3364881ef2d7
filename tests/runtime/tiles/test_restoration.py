"""A restoration gives every rectangle the network that the chooser names."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from slsc.runtime.backends import AllocationFailed, load_backend
from slsc.runtime.image.photo import Photo
from slsc.runtime.tiles.chooser import FixedChooser
from slsc.runtime.tiles.restoration import Restoration
from slsc.runtime.tiles.tile_grid import TileGrid
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

    def __init__(self) -> None:
        self.tiles: list[Tile] = []

    def choose(self, tile: Tile, image: np.ndarray) -> str:
        assert np.array_equal(image, IMAGE)
        self.tiles.append(tile)
        return "dark" if tile.rows == tile.columns else "same"


def restored(tiny: SimpleNamespace, dark: Darkness, chooser: Any) -> np.ndarray:
    runners = {"same": load_backend("onnxruntime", 1).load(tiny.identity_network()), "dark": dark}
    cut = spans(SIDE, EXTENT, 0, 1)
    grid = TileGrid(cut, cut, 0, 1, can_split=True)
    io = tiny.manifest(scale=1).io
    return np.concatenate(list(Restoration(runners, chooser, io, Photo(IMAGE), grid, None).bands()))


def wanted() -> np.ndarray:
    blocks = np.kron(np.eye(SIDE // EXTENT), np.ones((EXTENT, EXTENT))).astype(bool)
    return np.where(blocks[:, :, None], 0, IMAGE)


def test_each_tile_is_restored_by_the_network_chosen_for_it(tiny: SimpleNamespace) -> None:
    chooser = Diagonal()
    assert np.array_equal(restored(tiny, Darkness(), chooser), wanted())
    assert len(set(chooser.tiles)) == len(chooser.tiles) == (SIDE // EXTENT) ** 2


def test_halves_of_a_tile_stay_with_its_network(tiny: SimpleNamespace) -> None:
    dark, chooser = Darkness(limit=EXTENT**2 // 2), Diagonal()
    assert np.array_equal(restored(tiny, dark, chooser), wanted())
    assert set(dark.sizes) == {(EXTENT // 2, EXTENT)}
    assert len(chooser.tiles) == (SIDE // EXTENT) ** 2, "chosen once, whatever the memory"


def test_the_fixed_chooser_always_says_the_same(tiny: SimpleNamespace) -> None:
    assert not restored(tiny, Darkness(), FixedChooser("dark")).any()
    assert np.array_equal(restored(tiny, Darkness(), FixedChooser("same")), IMAGE)

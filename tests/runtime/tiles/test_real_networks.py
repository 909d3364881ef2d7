"""Tiling of published networks with their real weights on a real photo."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest

from slsc.errors import ResourceError
from slsc.runtime import Session
from slsc.runtime.bundle.manifest import TileGeometry
from slsc.runtime.bundle.value_range import ValueRange
from slsc.runtime.image.photo import load_photo

SIDE = 96
TILE = 24


@pytest.fixture(scope="module")
def photo(data_dir: Path) -> np.ndarray:
    return load_photo(data_dir / "eval" / "Set5_LR_x4_matlab" / "baby.png").pixels[:SIDE, :SIDE]


def open_network(name: str, weights: Path, tiny: SimpleNamespace, folder: Path) -> Session:
    zoo = pytest.importorskip("slsc.zoo.registry", reason="needs torch")
    from slsc.networks.loading import import_network
    from slsc.passes.analysis.liveness import bytes_per_pixel
    from slsc.passes.analysis.receptive_field import receptive_field
    from slsc.zoo.export import export_onnx

    model = zoo.MODELS[name]
    export_onnx(model.load(weights), folder / "net.onnx")
    graph: onnx.ModelProto = import_network(folder / "net.onnx").model
    field = receptive_field(graph)
    manifest = tiny.manifest(
        scale=model.scale,
        bytes_per_pixel=bytes_per_pixel(graph),
        input_range=ValueRange.uniform(0, model.white),
        output_range=ValueRange.uniform(0, model.white),
        input=graph.graph.input[0].name,
        output=graph.graph.output[0].name,
        tile=TileGeometry(16, 0.05, field.radius, field.align, field.exact, field.reason),
    )
    return Session(tiny.bundle(folder / "net.slsb", manifest, {"engines/1-8.onnx": graph.SerializeToString()}))


@pytest.mark.parametrize(("name", "file"), [("edsr_8b64f_x2", "edsr_8b64f_x2"), ("carn_m_x4", "carn_m_x234")])
def test_exact_tiles_equal_the_whole_image(
    data_dir: Path, tmp_path: Path, tiny: SimpleNamespace, photo: np.ndarray, name: str, file: str
) -> None:
    session = open_network(name, data_dir / "weights" / f"{file}.safetensors", tiny, tmp_path)
    unit = (photo / 255).astype(np.float32)
    tiles: list[int] = []
    session.configure(tile=TILE, exact=True)
    tiled = session.restore(unit, lambda done, total: tiles.append(total))
    io = session.manifest.io
    batch = io.input_range.from_unit(unit.transpose(2, 0, 1)[None])
    whole = io.output_range.to_unit(session.restore_tensor(batch)[0]).transpose(1, 2, 0)
    assert tiles[0] >= 9
    assert np.abs(tiled - whole.clip(0, 1)).max() <= 1e-4


def test_rfdn_cannot_be_exact_in_tiles_and_stays_close(
    data_dir: Path, tmp_path: Path, tiny: SimpleNamespace, photo: np.ndarray
) -> None:
    session = open_network("rfdn_x4", data_dir / "weights" / "rfdn_x4.safetensors", tiny, tmp_path)
    session.configure(exact=True)
    whole = session.restore(photo)
    session.configure(memory=1 << 20)
    with pytest.raises(ResourceError, match=r"tiles cannot be exact \(.*esa.*--memory"):
        session.restore(photo)
    session.configure(exact=False, tile=TILE, memory=None)
    assert np.abs(session.restore(photo).astype(int) - whole).max() <= 8

"""Small but real bundles: networks built with onnx.helper, zipped as `.slsb`."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from slsc.runtime.bundle.engines import Artefact, Engine
from slsc.runtime.bundle.manifest import SCHEMA, Entry, ImageIO, Manifest, Source, TileGeometry
from slsc.runtime.bundle.value_range import UNIT


def sr_network(
    *, scale: int = 2, channels: int = 3, width: int = 8, layers: int = 3, fixed: tuple | None = None
) -> bytes:
    """Convs 3x3 with ReLU, then a pixel shuffle; random weights from a fixed seed; radius = layers + 1 input pixels."""
    rng = np.random.default_rng(7)
    nodes, tensors, name, inputs = [], [], "image", channels
    for index in range(layers + 1):
        last = index == layers
        outputs = channels * scale**2 if last else width
        weight = rng.standard_normal((outputs, inputs, 3, 3)) * (0.6 / np.sqrt(inputs * 9))
        tensors.append(numpy_helper.from_array(weight.astype(np.float32), f"w{index}"))
        # A bias makes zero padding at borders visible: a tile padded inside the image would not match.
        tensors.append(numpy_helper.from_array(np.full(outputs, 0.1, np.float32), f"b{index}"))
        nodes.append(helper.make_node("Conv", [name, f"w{index}", f"b{index}"], [f"c{index}"], pads=[1, 1, 1, 1]))
        name = f"c{index}"
        if not last:
            nodes.append(helper.make_node("Relu", [name], [f"r{index}"]))
            name = f"r{index}"
        inputs = outputs
    nodes.append(helper.make_node("DepthToSpace", [name], ["restored"], blocksize=scale, mode="CRD"))
    return _model(nodes, tensors, channels, scale, fixed)


def identity_network(*, scale: int = 1, channels: int = 3, fixed: tuple | None = None) -> bytes:
    """Nearest-neighbour upscaling (the identity at scale 1): outputs are known to the bit."""
    sizes = numpy_helper.from_array(np.array([1, 1, scale, scale], np.float32), "scales")
    node = helper.make_node(
        "Resize", ["image", "", "scales"], ["restored"], mode="nearest", nearest_mode="floor",
        coordinate_transformation_mode="asymmetric",
    )  # fmt: skip
    return _model([node], [sizes], channels, scale, fixed)


def strided_network() -> bytes:
    """Same size, through half the resolution: tiles must start at even pixels; radius 7 input pixels at most."""
    rng = np.random.default_rng(9)
    shapes = {"down": (8, 3, 3, 3), "body": (8, 8, 3, 3), "up": (12, 8, 3, 3)}
    tensors = [
        numpy_helper.from_array((rng.standard_normal(shape) * 0.2).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    nodes = [
        helper.make_node("Conv", ["image", "down"], ["a"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "body"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["c", "up"], ["d"], pads=[1, 1, 1, 1]),
        helper.make_node("DepthToSpace", ["d"], ["restored"], blocksize=2, mode="CRD"),
    ]
    return _model(nodes, tensors, 3, 1, None)


def _model(nodes: list, tensors: list, channels: int, scale: int, fixed: tuple | None) -> bytes:
    height, width = fixed or ("h", "w")
    out = [side * scale if fixed else f"{side}out" for side in (height, width)]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", channels, height, width])
    restored = helper.make_tensor_value_info("restored", TensorProto.FLOAT, ["n", channels, *out])
    graph = helper.make_graph(nodes, "tiny", [image], [restored], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def make_manifest(
    *,
    scale: int = 2,
    channels: int = 3,
    halo: int = 4,
    bytes_per_pixel: float = 200.0,
    tile: TileGeometry | None = None,
    **io: object,
) -> Manifest:
    """A manifest for one network, by default one of those above, without entries."""
    return Manifest(
        schema=SCHEMA,
        slsc_version="0.1.0",
        source=Source("tiny.onnx", "0" * 64),
        io=replace(
            ImageIO(channels, "RGB" if channels == 3 else "Y", UNIT, UNIT, "image", "restored", scale,
                    "sr" if scale > 1 else "restore"), **io
        ),
        tile=tile or TileGeometry(halo=halo, bound=0.0, receptive_field=halo),
        engines=(
            Engine("1-8", {"onnx": Artefact("engines/1-8.onnx")}, "1/8", 0.125, 1000, 125, 1e3, bytes_per_pixel,
                   {"psnr_y": 30.0}),
        ),
        candidates=(),
        entries={},
    )  # fmt: skip


def write_bundle_zip(path: Path, manifest: Manifest, files: dict[str, bytes]) -> Path:
    """Zip as `slsc.passes.package` does, without its checks."""
    entries = {name: Entry(hashlib.sha256(data).hexdigest(), len(data)) for name, data in files.items()}
    text = json.dumps(replace(manifest, entries=entries).to_dict(), allow_nan=False).encode()
    return write_zip(path, {"manifest.json": text, **files})


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    """Stored zip of `files` in order."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return path


@pytest.fixture(scope="session")
def tiny() -> SimpleNamespace:
    """The helpers of this file, for tests (test modules cannot import a conftest)."""
    return SimpleNamespace(
        sr_network=sr_network,
        identity_network=identity_network,
        strided_network=strided_network,
        manifest=make_manifest,
        bundle=write_bundle_zip,
        zip=write_zip,
    )


@pytest.fixture()
def make_bundle(tmp_path: Path) -> Callable[..., Path]:
    """Build a bundle in the test's folder: `make_bundle(network_bytes, manifest)`."""

    def make(network: bytes | None = None, manifest: Manifest | None = None, name: str = "net.slsb") -> Path:
        manifest = manifest or make_manifest()
        return write_bundle_zip(tmp_path / name, manifest, {manifest.engines[0].onnx: network or sr_network()})

    return make

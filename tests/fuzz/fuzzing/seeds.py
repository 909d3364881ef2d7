"""Sound files of every kind, small, which mutations begin with. `python -m fuzzing.seeds KIND FOLDER` writes them."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
from onnx import helper, numpy_helper, parser
from PIL import Image

TESTS = Path(__file__).resolve().parents[2]

WEIGHTS = {
    "w3": (8, 3, 3, 3),
    "w8": (8, 8, 3, 3),
    "wt": (8, 3, 2, 2),
    "w1": (8, 8, 1, 1),
    "wl": (3, 8, 3, 3),
    "s8": (8,),
}

NETWORKS = {
    "strided": """net (float[n,3,h,w] x) => (float[n,3,h,w] y) {
  a = Conv <pads=[1,1,1,1], strides=[2,2]> (x, w3)
  b = LeakyRelu <alpha=0.2> (a)
  c = Conv <pads=[1,1,1,1]> (b, w8)
  d = Add (c, b)
  e = ConvTranspose <strides=[2,2]> (d, wt)
  y = Add (e, x)
}""",
    "attention": """net (float[n,3,h,w] x) => (float[n,3,h,w] y) {
  a = Conv <pads=[1,1,1,1]> (x, w3)
  b = GlobalAveragePool (a)
  c = Conv (b, w1)
  d = Sigmoid (c)
  e = Mul (a, d)
  s = Shape (x)
  two = Constant <value = int64[1] {2}> ()
  four = Constant <value = int64[1] {4}> ()
  hw = Slice (s, two, four)
  head = Constant <value = int64[2] {1, 8}> ()
  size = Concat <axis=0> (head, hw)
  none = Constant <value = float[0] {}> ()
  f = MaxPool <kernel_shape=[2,2], strides=[2,2]> (e)
  g = Resize <mode="nearest"> (f, none, none, size)
  z = Conv <pads=[1,1,1,1]> (g, wl)
  y = Clip (z, lo, hi)
}""",
    "folded": """net (float[n,3,h,w] x) => (float[n,3,h,w] y) {
  axes = Constant <value = int64[4] {0, 0, 1, 1}> ()
  shape = Constant <value = int64[4] {8, 3, 3, 3}> ()
  flat = Identity (w3)
  weight = Reshape (flat, shape)
  pads = Constant <value = int64[8] {0, 0, 1, 1, 0, 0, 1, 1}> ()
  p = Pad <mode="reflect"> (x, pads)
  a = Conv (p, weight)
  b = BatchNormalization (a, s8, s8, s8, s8)
  c = Gelu (b)
  y = Conv <pads=[1,1,1,1]> (c, wl)
}""",
}


def _helpers(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("seed_helpers", TESTS / path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def onnx_seeds() -> Iterator[bytes]:
    """Networks of several forms, with functions among them."""
    helpers = _helpers("runtime/conftest.py")
    yield helpers.sr_network(width=4, layers=1)
    yield helpers.identity_network()
    yield helpers.strided_network()
    rng = np.random.default_rng(0)
    arrays = {name: rng.random(shape, np.float32) / 9 for name, shape in WEIGHTS.items()}
    arrays |= {"lo": np.float32(0), "hi": np.float32(1)}
    for text in NETWORKS.values():
        graph = parser.parse_graph(text)
        used = {name for node in graph.node for name in node.input}
        graph.initializer.extend(
            numpy_helper.from_array(np.asarray(arrays[n]), n) for n in sorted(used & arrays.keys())
        )
        version = 20 if "Gelu" in text else 17
        yield helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", version)], ir_version=9
        ).SerializeToString()
    yield _with_function(arrays["w3"], arrays["wl"])


def _with_function(first: np.ndarray, last: np.ndarray) -> bytes:
    opsets = [helper.make_opsetid("", 17)]
    body = [helper.make_node("Conv", ["a", "w"], ["c"], pads=[1, 1, 1, 1]), helper.make_node("Relu", ["c"], ["b"])]
    function = helper.make_function("local", "Block", ["a", "w"], ["b"], body, opsets)
    nodes = [
        helper.make_node("Block", ["x", "w3"], ["a"], domain="local"),
        helper.make_node("Conv", ["a", "wl"], ["y"], pads=[1, 1, 1, 1]),
    ]
    image, restored = (helper.make_tensor_value_info(name, 1, ["n", 3, "h", "w"]) for name in "xy")
    tensors = [numpy_helper.from_array(first, "w3"), numpy_helper.from_array(last, "wl")]
    graph = helper.make_graph(nodes, "net", [image], [restored], tensors)
    imports = [*opsets, helper.make_opsetid("local", 1)]
    return helper.make_model(graph, opset_imports=imports, functions=[function], ir_version=8).SerializeToString()


def plan_seeds() -> Iterator[bytes]:
    """A plan of every kind of the engine's tests."""
    sys.path.insert(0, str(TESTS / "runtime" / "native"))
    import plans

    for make in plans.KINDS.values():
        yield make(np.random.default_rng(0)).to_bytes()


def bundle_seeds() -> Iterator[bytes]:
    """Bundles of one and of two engines, with both kinds of artefact."""
    from slsc.passes.lowering import lower

    helpers = _helpers("runtime/native/bundles/__init__.py")
    network = _helpers("runtime/conftest.py").sr_network(width=4, layers=1)
    plan = lower(onnx.load_from_string(network), None)
    for tile in ({}, {"halo": 1, "align": 2}, {"exact": False, "exact_reason": "unbounded", "receptive_field": None}):
        yield rewritten(helpers.manifest(tile=tile), {"engines/1-8.nmp": plan, "engines/1-8.onnx": network})


def bundle_of(network: bytes) -> bytes:
    """A bundle whose only engine is a network from `x` to `y`, of the same size, for ONNX Runtime."""
    about = _helpers("runtime/native/bundles/__init__.py").manifest(io={"input": "x", "output": "y", "scale": 1})
    engine = {**about["engines"][0], "artefacts": {"onnx": {"entry": "engines/1-8.onnx"}}}
    return rewritten({**about, "engines": [engine], "candidates": []}, {"engines/1-8.onnx": network})


def rewritten(manifest: dict[str, object], files: dict[str, bytes]) -> bytes:
    """A bundle with the sizes and checksums of these files, whatever else its manifest says."""
    entries = {name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in files.items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("manifest.json"), json.dumps({**manifest, "entries": entries}))
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def image_seeds() -> Iterator[bytes]:
    """Photos of every format, depth and mode that is read, 24x18."""
    rng = np.random.default_rng(0)
    colour = np.kron(rng.integers(0, 256, (3, 4, 3)), np.ones((6, 6, 1))).astype(np.uint8)
    rgb = Image.fromarray(colour)
    exif = Image.Exif()
    exif[0x0112] = 6
    yield from (_saved(rgb, kind) for kind in ("PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM"))
    yield _saved(rgb, "JPEG", exif=exif, icc_profile=b"profile" * 20)
    yield _saved(rgb.convert("CMYK"), "JPEG", progressive=True)
    yield _saved(rgb.quantize(16), "PNG", transparency=3)
    yield _saved(rgb.convert("RGBA"), "PNG", interlace=1)
    yield _saved(rgb.convert("LA"), "TIFF", compression="tiff_lzw")
    yield _saved(rgb.convert("1"), "TIFF", compression="group4")
    yield _saved(Image.fromarray(colour[:, :, 0].astype(np.uint16) * 257), "PNG")
    import cv2

    for suffix in (".png", ".tiff"):
        yield cv2.imencode(suffix, colour.astype(np.uint16) * 257)[1].tobytes()


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


SEEDS: dict[str, Callable[[], Iterator[bytes]]] = {
    "plan": plan_seeds,
    "bundle": bundle_seeds,
    "onnx": onnx_seeds,
    "image": image_seeds,
}

if __name__ == "__main__":
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for index, data in enumerate(SEEDS[sys.argv[1]]()):
        (folder / f"seed{index}").write_bytes(data)

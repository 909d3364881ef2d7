"""Photos smaller than a network takes are continued by mirroring, as far as needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from slsc.runtime import Session
from slsc.runtime.backends import library
from slsc.runtime.bundle.engines import Artefact

onnx = pytest.importorskip("onnx")

MIRRORED = 5
"""Pixels that the network's input is mirrored by at each border; it takes images of one more."""

native = pytest.param(
    "native", marks=pytest.mark.skipif(library.library_path() is None, reason="the native library was not built")
)


@pytest.fixture(scope="module")
def network() -> bytes:
    weight = np.random.default_rng(0).normal(0, 0.1, (3, 3, 2 * MIRRORED + 1, 2 * MIRRORED + 1)).astype(np.float32)
    nodes = [
        onnx.helper.make_node("Pad", ["image", "pads"], ["wide"], mode="reflect"),
        onnx.helper.make_node("Conv", ["wide", "w"], ["restored"]),
    ]
    pads = np.array([0, 0, MIRRORED, MIRRORED] * 2)
    tensors = [onnx.numpy_helper.from_array(value, name) for name, value in (("w", weight), ("pads", pads))]
    values = [onnx.helper.make_tensor_value_info(name, 1, ["n", 3, "h", "w"]) for name in ("image", "restored")]
    graph = onnx.helper.make_graph(nodes, "mirroring", values[:1], values[1:], tensors)
    opsets = [onnx.helper.make_opsetid("", 17)]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


@pytest.fixture
def session(tmp_path: Path, tiny: SimpleNamespace, network: bytes) -> Callable[[str], Session]:
    def opened(backend: str) -> Session:
        from slsc.passes.lowering import lower

        manifest = tiny.manifest(scale=1, halo=MIRRORED)
        artefacts = {"onnx": Artefact("e.onnx"), "native": Artefact("e.nmp")}
        manifest = replace(manifest, engines=(replace(manifest.engines[0], artefacts=artefacts),))
        files = {"e.onnx": network, "e.nmp": lower(onnx.load_from_string(network), None)}
        return Session(tiny.bundle(tmp_path / "net.slsb", manifest, files), backend=backend, threads=1)

    return opened


@pytest.mark.parametrize("backend", ["onnxruntime", native])
def test_small_photos_are_continued_to_what_the_network_takes(
    session: Callable[[str], Session], backend: str, tmp_path: Path
) -> None:
    opened, least = session(backend), MIRRORED + 1
    for height, width in ((1, 1), (3, 40), (40, 2), (5, 5), (least, least), (3, 4)):
        image = np.random.default_rng(1).random((height, width, 3), np.float32)
        wide = np.pad(image, [(0, 0 if side >= least else least - side) for side in (height, width)] + [(0, 0)],
                      mode="symmetric")  # fmt: skip
        expected = opened.restore_tensor(wide.transpose(2, 0, 1)[None])[0].transpose(1, 2, 0)[:height, :width]
        assert np.abs(opened.restore(image) - expected.clip(0, 1)).max() < 1e-6


@pytest.mark.parametrize("backend", ["onnxruntime", native])
def test_large_photos_are_left_as_they_are(session: Callable[[str], Session], backend: str) -> None:
    opened = session(backend)
    opened.restore(np.zeros((2, 2, 3), np.uint8))
    image = np.random.default_rng(2).random((33, 47, 3), np.float32)
    expected = opened.restore_tensor(image.transpose(2, 0, 1)[None])[0].transpose(1, 2, 0)
    assert np.abs(opened.restore(image) - expected.clip(0, 1)).max() < 1e-6

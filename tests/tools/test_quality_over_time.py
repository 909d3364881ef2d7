"""Quality over time of bundles and of dense networks, in one table."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper, parser
from PIL import Image

from slsc.cli.main import main as slsc
from slsc.data.calibration import calibration_photos
from slsc.runtime.backends.library import library_path
from slsc.tools.quality_over_time import main
from slsc.tools.quality_over_time_page import Point, foremost, markdown

TEXT = """g (float[1, 3, h, w] x) => (float[1, 3, r, s] y) {
    a = Conv<pads = [1, 1, 1, 1]>(x, first) b = Relu(a) c = Conv<pads = [1, 1, 1, 1]>(b, second)
    d = DepthToSpace<blocksize = 2, mode = "CRD">(c) u = Resize<mode = "linear">(x, , twice) y = Add(d, u) }"""


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """Enlarges an image linearly, and adds what two convolutions of random weights make."""
    graph, rng = parser.parse_graph(TEXT), np.random.default_rng(0)
    weights = {"first": 0.2 * rng.standard_normal((32, 3, 3, 3)), "second": 0.01 * rng.standard_normal((12, 32, 3, 3))}
    graph.initializer.extend(numpy_helper.from_array(w.astype(np.float32), name) for name, w in weights.items())
    graph.initializer.append(numpy_helper.from_array(np.float32([1, 1, 2, 2]), "twice"))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


@pytest.mark.skipif(library_path() is None, reason="the native engine is not built")
def test_a_bundle_and_its_dense_network_stand_in_one_table(network: Path, tmp_path: Path) -> None:
    bundle, photos = tmp_path / "net.slsb", tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(calibration_photos(None, 1, 0)[0][:96, :96]).save(photos / "a.png")
    words = ("compile", network, "--budget", "1", "--budget", "1/4", "--effort", "none", "--range", "0:1", "--order",
             "RGB", "--residual", "no", "--force", "-q", "-o", bundle)  # fmt: skip
    assert slsc([str(word) for word in words]) == 0
    words = (bundle, network, "--hr", photos, "--size", "24x32", "--repeats", "1", "-o", tmp_path / "table.md")
    assert main([str(word) for word in words]) == 0
    with (tmp_path / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    quality = {(row["runtime"], row["budget"]): float(row["psnr"]) for row in rows}
    assert quality["native", "1"] == pytest.approx(quality["ONNX Runtime", "1"], abs=0.002)
    assert quality["native", "1/4"] != pytest.approx(quality["native", "1"], abs=0.005)
    assert all(float(row["milliseconds"]) > 0 for row in rows)


def test_the_edge_is_what_nothing_beats_in_both() -> None:
    slow, fast, poor, equal = (
        Point("net", runtime, "float32", "1", milliseconds, psnr)
        for runtime, milliseconds, psnr in (("a", 9, 28.5), ("b", 3, 28.0), ("c", 4, 27.9), ("d", 9.5, 28.5))
    )
    assert foremost([slow, equal, poor, fast]) == [fast, slow]
    marked = [line.rstrip("| ").endswith("yes") for line in markdown([slow, poor], "Set", "1x1").splitlines()[2:]]
    assert marked == [True, True]


def test_the_output_is_a_page(network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(network), "--hr", str(tmp_path), "-o", str(tmp_path / "table.txt")]) != 0
    assert "must end in .md" in capsys.readouterr().err

"""Typed networks in both engines agree on pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper, parser
from PIL import Image

from slsc.data.calibration import calibration_photos
from slsc.passes.base import Pass, PassContext
from slsc.passes.pipeline import Pipeline
from slsc.passes.precision.int8 import Grid, Int8Types, WriteInt8
from slsc.passes.precision.rounded import RoundToBf16
from slsc.quantize.rounding import nearest
from slsc.runtime.backends.library import library_path
from slsc.tools.integers_quality import Quality, main, markdown

TEXT = """g (float[1, 3, h, w] x) => (float[1, 3, r, s] y) {
    a = Conv<pads = [1, 1, 1, 1]>(x, first) b = Relu(a) c = Conv<pads = [1, 1, 1, 1]>(b, second)
    d = DepthToSpace<blocksize = 2, mode = "CRD">(c) u = Resize<mode = "nearest">(x, , twice) y = Add(d, u) }"""


def write(path: Path, step: Pass | None = None) -> Path:
    """Enlarges an image by repeating pixels, and adds what a convolution makes of coarse steps."""
    graph, rng = parser.parse_graph(TEXT), np.random.default_rng(0)
    weights = {"first": 0.2 * rng.standard_normal((8, 3, 3, 3)), "second": 0.03 * rng.standard_normal((12, 8, 3, 3))}
    graph.initializer.extend(numpy_helper.from_array(w.astype(np.float32), name) for name, w in weights.items())
    graph.initializer.append(numpy_helper.from_array(np.float32([1, 1, 2, 2]), "twice"))
    for node in graph.node:
        node.name = node.output[0]
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    types = Int8Types({"b": Grid(1 / 4, 0)}, {"second": nearest(weights["second"].astype(np.float32))}, {})
    onnx.save(Pipeline([step or WriteInt8(types)]).run(model, PassContext()).model, path)
    return path


@pytest.mark.skipif(library_path() is None, reason="the native engine is not built")
def test_integers_are_measured_as_the_file_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "hr").mkdir()
    Image.fromarray(calibration_photos(None, 1, 0)[0][:64, :64]).save(tmp_path / "hr" / "a.png")
    assert main([str(write(tmp_path / "net.onnx")), "--hr", str(tmp_path / "hr")]) == 0
    row = capsys.readouterr().out.splitlines()[-1].strip("| ").split(" | ")
    typed, integers, difference, floats = map(float, row[1:])
    assert abs(difference) < 0.005
    assert abs(integers - typed) < 0.005 < abs(floats - typed)


@pytest.mark.skipif(library_path() is None, reason="the native engine is not built")
def test_bfloat16_is_measured_with_its_roundings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "hr").mkdir()
    Image.fromarray(calibration_photos(None, 1, 0)[0][:64, :64]).save(tmp_path / "hr" / "a.png")
    assert main([str(write(tmp_path / "net.onnx", RoundToBf16(["a", "c"]))), "--hr", str(tmp_path / "hr")]) == 0
    row = capsys.readouterr().out.splitlines()[-1].strip("| ").split(" | ")
    typed, native, difference, floats = map(float, row[1:])
    assert abs(difference) < 0.001 and typed != floats and native == pytest.approx(typed, abs=0.001)


def test_the_difference_is_that_of_the_integers() -> None:
    assert "| a | 28.0000 | 28.0100 | 0.0100 | 28.5000 |" in markdown([Quality("a", 28.0, 28.01, 28.5)])

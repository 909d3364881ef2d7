from __future__ import annotations

from fractions import Fraction

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper, parser

from slsc.errors import UsageError
from slsc.passes.lowering import lower
from slsc.passes.lowering.nmp import PlanFile
from slsc.runtime.backends.library import library_path
from slsc.tools.bench_integers import Measurement, main, markdown, measure
from slsc.tools.bench_integers import typed as with_integers
from slsc.tools.contenders.base import Subject

TEXT = """g (float[n, 3, h, w] x) => (float[n, 3, h, w] y) {
    a = Conv<pads = [1, 1, 1, 1]>(x, first) b = Relu(a) c = Conv<pads = [1, 1, 1, 1]>(b, second) d = Relu(c)
    y = Conv<pads = [1, 1, 1, 1]>(d, third) }"""
IMAGE = np.random.default_rng(0).random((1, 3, 24, 31), np.float32)


@pytest.fixture
def model() -> onnx.ModelProto:
    graph, rng = parser.parse_graph(TEXT), np.random.default_rng(0)
    for name, shape in {"first": (32, 3, 3, 3), "second": (32, 32, 3, 3), "third": (3, 32, 3, 3)}.items():
        weight = rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        graph.initializer.append(numpy_helper.from_array(weight.astype(np.float32), name))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_convolutions_inside_are_typed(model) -> None:
    plan = PlanFile.from_bytes(lower(with_integers(model, IMAGE), None))
    assert [type(op.params).__name__ for op in plan.ops] == ["Conv", "Quantize", "IntConv", "Conv"]


@pytest.mark.skipif(library_path() is None, reason="the native engine is not built")
def test_every_engine_is_timed_and_integers_are_near(model, tmp_path) -> None:
    file = tmp_path / "net.onnx"
    onnx.save(model, file)
    found = measure(Subject("tiny", Fraction(1), file, None, 0.1), IMAGE, repeats=2)
    assert set(found.seconds) >= {"ONNX Runtime", "float32", "int8"}
    assert min(found.seconds.values()) >= 0
    assert 20 < found.decibels < 90


def test_ratios_are_to_the_engine_in_integers() -> None:
    text = markdown([Measurement("a", Fraction(1, 8), 2.0, {"ONNX Runtime": 0.3, "float32": 0.06, "int8": 0.02}, 45.5)])
    assert "| a | 1/8 | 2.0 | 300 | 60 | 20 | 15.0 | 3.0 | 45.5 |" in text


def test_bad_size() -> None:
    assert main(["--size", "x"]) == UsageError.exit_code

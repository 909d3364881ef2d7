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
from slsc.tools.bench_integers import Measurement, main, markdown, measure, typed
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
        weight[:, 8:] = 0
        graph.initializer.append(numpy_helper.from_array(weight.astype(np.float32), name))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_convolutions_inside_are_typed(model) -> None:
    plan = PlanFile.from_bytes(lower(typed(model, IMAGE, "int8"), None))
    assert [type(op.params).__name__ for op in plan.ops] == ["Conv", "Quantize", "IntConv", "Conv"]
    plan = PlanFile.from_bytes(lower(typed(model, IMAGE, "bf16"), None))
    assert [type(op.params).__name__ for op in plan.ops] == ["Narrow", "HalfConv", "HalfConv", "Conv"]


@pytest.mark.skipif(library_path() is None, reason="the native engine is not built")
def test_every_engine_is_timed_and_fewer_bits_are_near(model, tmp_path) -> None:
    file = tmp_path / "net.onnx"
    onnx.save(model, file)
    found = measure(Subject("tiny", Fraction(1), file, None, 0.1), IMAGE, 2, ("int8", "bf16"))
    assert [each.precision for each in found] == ["int8", "bf16"]
    for each in found:
        assert set(each.seconds) >= {"ONNX Runtime", "float32", "native"}
        assert min(each.seconds.values()) >= 0
        assert 20 < each.decibels < 90


def test_ratios_are_to_the_engine_in_the_precision() -> None:
    seconds = {"native": 0.02, "ONNX Runtime": 0.3, "float32": 0.06}
    text = markdown([Measurement("a", Fraction(1, 8), "bf16", 2.0, seconds, 45.5)])
    assert "| a | 1/8 | bf16 | 2.0 | 20 | 300 | 60 | 15.0 | 3.0 | 45.5 |" in text


@pytest.mark.parametrize("words", [("--size", "x"), ("--precisions", "int8,fp8")])
def test_bad_options(words) -> None:
    assert main(list(words)) == UsageError.exit_code

"""Typed networks on ONNX Runtime give what their files say."""

from __future__ import annotations

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import helper, numpy_helper, parser, reference  # noqa: E402

from slsc.runtime.backends.onnxruntime import OnnxRuntimeRunner  # noqa: E402

TEXT = """g (float[1, 4, h, w] x) => (float[1, 4, h, w] y) {
    q = QuantizeLinear(x, s, z) a = DequantizeLinear(q, s, z) v = DequantizeLinear<axis = 0>(weight, scales, zeros)
    b = Conv<pads = [1, 1, 1, 1]>(a, v) r = Relu(b) p = QuantizeLinear(r, s, z) c = DequantizeLinear(p, s, z)
    y = Conv<pads = [1, 1, 1, 1]>(c, v) }"""


def test_weights_of_bytes_that_two_convolutions_share(capfd: pytest.CaptureFixture[str]) -> None:
    graph, rng = parser.parse_graph(TEXT), np.random.default_rng(0)
    tensors = {
        "s": np.float32(1 / 64),
        "z": np.uint8(0),
        "weight": rng.integers(-127, 128, (4, 4, 3, 3)).astype(np.int8),
        "scales": np.full(4, 1 / 700, np.float32),
        "zeros": np.zeros(4, np.int8),
    }
    graph.initializer.extend(numpy_helper.from_array(np.asarray(value), name) for name, value in tensors.items())
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    image = rng.random((1, 4, 9, 11), np.float32)
    made = OnnxRuntimeRunner(model.SerializeToString(), 1).run(image)
    expected = reference.ReferenceEvaluator(model).run(None, {"x": image})[0]
    # A number on the border between two integers may go to either.
    assert np.abs(made - expected).max() < 2 * 127 / 700 / 64
    assert capfd.readouterr().err == ""

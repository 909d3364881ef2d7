"""Errors as ONNX Runtime raises them, and what a user is told of them."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper, parser

from slsc.runtime.backends.ort_reason import LONGEST, ort_reason


def raised(operation: str, size: tuple[int, int] = (32, 32), **values: np.ndarray) -> str:
    """The reason why one operation on a 1x3 image of a size does not run; its node is called `middle`."""
    graph = parser.parse_graph(f"net (float[n,3,h,w] x) => (float[a,b,c,d] y) {{ y = {operation} }}")
    graph.node[0].name = "middle"
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in values.items())
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return reason_of(model, (1, 3, *size))


def reason_of(model: onnx.ModelProto, shape: tuple[int, ...]) -> str:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    with pytest.raises(Exception) as caught:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
        session.run(None, {"x": np.zeros(shape, np.float32)})
    return ort_reason(caught.value)


def test_the_node_and_the_reason_stay() -> None:
    reason = raised("Reshape(x, s)", s=np.array([1, 3, 64, 96]))
    assert reason.startswith("Reshape 'middle': The input tensor cannot be reshaped to the requested shape.")
    assert "{1,3,32,32}" in reason and "onnxruntime" not in reason
    reason = raised("Add(x, s)", s=np.zeros((1, 3, 64, 96), np.float32))
    assert reason.startswith("Add 'middle': Attempting to broadcast an axis by a dimension other than 1.")
    assert "was false" not in reason


def test_a_wrong_batch_is_told_in_full() -> None:
    graph = parser.parse_graph("net (float[4,3,48,48] x) => (float[4,3,48,48] y) { y = Relu(x) }")
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    reason = reason_of(model, (1, 3, 48, 48))
    assert "index: 0 Got: 1 Expected: 4" in reason
    assert "ONNXRuntimeError" not in reason and "Please" not in reason and "\n" not in reason


def test_long_reasons_end_with_a_sentence_or_a_word() -> None:
    assert ort_reason(Exception("Short one. " + "x" * 2 * LONGEST)) == "Short one."
    words = ort_reason(Exception("word " * LONGEST))
    assert words.endswith("word ...") and len(words) <= LONGEST + 4
    assert ort_reason(ValueError()) == "ValueError"

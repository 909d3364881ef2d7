"""Networks of other types take and give float32 under the old names."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from slsc.passes.graph import image_input, initializers
from slsc.passes.importing.float_interface import FloatInterface


@pytest.mark.parametrize(("kind", "dtype"), [("float16", np.float16), ("double", np.float64)])
def test_casts_stand_at_both_ends(build, proven, kind, dtype):
    text = f"net ({kind}[n,3,h,w] x) => ({kind}[n,3,h,w] y) {{ a = Sigmoid(x) b = Mul(a, x) y = Add(b, c) }}"
    model = build(text, c=np.ones((1, 3, 1, 1), dtype))
    result = proven(model, FloatInterface()).model
    assert [node.op_type for node in result.graph.node] == ["Cast", "Sigmoid", "Mul", "Add", "Cast"]
    assert image_input(result) == ("x", "y")
    ends = (result.graph.input[0], result.graph.output[0])
    assert all(value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT for value in ends)
    assert initializers(result)["c"].dtype == dtype


def test_float32_is_left_alone(build, proven):
    assert not proven(build("net (float[n,3,h,w] x) => (float[n,3,h,w] y) { y = Relu(x) }"), FloatInterface()).modified

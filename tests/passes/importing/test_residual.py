"""A residual written into the graph: the picture comes out, in the range of the input, on every backend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import pytest

from slsc.errors import ModelError
from slsc.passes import verify
from slsc.passes.base import PassContext
from slsc.passes.importing.residual import RestoreFromResidual, residual_written
from slsc.passes.lowering import lower
from slsc.passes.pipeline import Pipeline

NETWORK = "net (float[1,3,h,w] x) => (float[1,3,h,w] y) { a = Tanh(x) y = Mul(a, a) }"


def network(text: str = NETWORK) -> onnx.ModelProto:
    return onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {text}')


def made_of(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    return verify.run(verify.session(model), x)


@pytest.mark.parametrize("grey", [0.0, 0.5])
@pytest.mark.parametrize("factors", [(-1.0,) * 3, (1.0,) * 3, (-255.0, -2.0, -0.5), (0.25,) * 3])
def test_the_picture_is_the_input_and_its_share_of_the_output(factors: Sequence[float], grey: float) -> None:
    model = network()
    made = Pipeline([RestoreFromResidual(factors, grey)]).run(model, PassContext()).model
    onnx.checker.check_model(made)
    x = np.random.default_rng(0).standard_normal((1, 3, 5, 7)).astype(np.float32)
    residual = made_of(model, x) - grey
    expected = x + np.array(factors, np.float32).reshape(1, 3, 1, 1) * residual
    assert np.allclose(made_of(made, x), expected, rtol=1e-5, atol=1e-5)
    assert residual_written(model) is None
    again = residual_written(made)
    assert again is not None
    assert np.array_equal(verify.run(verify.session(again.run(model, PassContext()).model), x), made_of(made, x))


@pytest.mark.parametrize("factors", [(-1.0,) * 3, (-255.0, -2.0, -0.5)])
def test_the_native_engine_takes_it(factors: Sequence[float]) -> None:
    text = "net (float[1,3,h,w] x) => (float[1,3,h,w] y) { y = Relu(x) }"
    assert lower(Pipeline([RestoreFromResidual(factors, 0.5)]).run(network(text), PassContext()).model, None)


def test_an_output_that_is_the_input_is_refused() -> None:
    model = network("net (float[1,3,h,w] x) => (float[1,3,h,w] x) { y = Relu(x) }")
    with pytest.raises(ModelError, match="is its input"):
        RestoreFromResidual((1.0,)).run(model, PassContext())

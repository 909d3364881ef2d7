"""Small ONNX graphs, and the comparison with ONNX Runtime that every test here rests on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from slsc.onnx_torch import OnnxModule

Array = npt.NDArray[Any]
TOLERANCE = 1e-5
"""Of the range of ONNX Runtime's output."""


def build_model(
    nodes: Sequence[onnx.NodeProto], constants: dict[str, Array], opset: int = 17, elem_type: int = TensorProto.FLOAT
) -> onnx.ModelProto:
    """A model from value `x` to value `y` (4 axes or fewer, any size)."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", elem_type, None)],
        [helper.make_tensor_value_info("y", elem_type, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def build_op(op: str, *constants: Array | None, opset: int = 17, **attributes: Any) -> onnx.ModelProto:
    """A model of one op from `x` to `y`; further inputs are initializers, None is an omitted one."""
    named = {f"c{i}": value for i, value in enumerate(constants) if value is not None}
    names = [f"c{i}" if value is not None else "" for i, value in enumerate(constants)]
    return build_model([helper.make_node(op, ["x", *names], ["y"], name="the_op", **attributes)], named, opset)


def run_onnxruntime(model: onnx.ModelProto, x: Array) -> Array:
    """What ONNX Runtime makes of `x`."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def difference(model: onnx.ModelProto, x: Array) -> float:
    """Largest difference of the module from ONNX Runtime, over the range of the latter's output."""
    want = run_onnxruntime(model, x)
    with torch.no_grad():
        got = OnnxModule(model)(torch.from_numpy(x)).numpy()
    assert got.shape == want.shape
    span = max(float(np.ptp(want)), float(np.abs(want).max()), 1e-6) if want.size else 1.0
    return float(np.max(np.abs(got.astype(np.float64) - want), initial=0)) / span


@pytest.fixture(scope="session")
def assert_agrees() -> Callable[[onnx.ModelProto, Array], None]:
    """Assert that the module gives what ONNX Runtime gives."""

    def check(model: onnx.ModelProto, x: Array) -> None:
        assert difference(model, x) <= TOLERANCE

    return check


@pytest.fixture(scope="session")
def model_of() -> Callable[..., onnx.ModelProto]:
    """`build_model`."""
    return build_model


@pytest.fixture(scope="session")
def op_model() -> Callable[..., onnx.ModelProto]:
    """`build_op`."""
    return build_op


@pytest.fixture
def random() -> Callable[..., Array]:
    """Float32 arrays of a shape, normal, the same on every run."""
    generator = np.random.default_rng(7)
    return lambda *shape: generator.standard_normal(shape).astype(np.float32)

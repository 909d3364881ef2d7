"""Whatever valid network comes: imported it computes the same, or it is refused; no pass breaks down."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from slsc.errors import ModelError
from slsc.passes import verify
from slsc.passes.importing.import_model import import_model
from slsc.passes.lowering import LoweringRefusal, lower
from slsc.runtime.backends.library import library_path
from slsc.runtime.backends.native import NativeRunner

HW = (12, 20)


@pytest.fixture(scope="module")
def network() -> Callable[..., tuple[onnx.ModelProto, str, str]]:
    """`network(draw, quantized=False)` of random_networks.py."""
    spec = importlib.util.spec_from_file_location("random_networks", Path(__file__).parent / "random_networks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module.network  # type: ignore[no-any-return]


def run_file(model: onnx.ModelProto, image: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return session.run(None, {"x": image})[0]


def require_imported(model: onnx.ModelProto, inputs: str, outputs: str, tolerance: float) -> None:
    onnx.checker.check_model(model)
    image = np.random.default_rng(0).random((1, 3, *HW), np.float32)
    to_file = [("nchw").index(axis) for axis in inputs]
    try:
        expected = run_file(model, image.transpose(to_file)).transpose([outputs.index(axis) for axis in "nchw"])
    except Exception:  # ONNX Runtime lacks an operator in this version, or its type
        assume(False)
    try:
        made = import_model(model).model
    except ModelError as refusal:
        assert refusal.where or refusal.why
        return
    scale = max(float(np.ptp(expected)), float(np.abs(expected).max()), 1e-3)
    found = verify.run(verify.session(made), image)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * scale
    try:
        data = lower(made, None)
    except LoweringRefusal as refusal:
        assert refusal.where or refusal.why
        return
    if library_path() is not None:
        native = NativeRunner(data, 1).run(image)
        assert np.abs(native - found).max() <= 1e-4 * scale


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_network(network: Callable, data: st.DataObject) -> None:
    require_imported(*network(data.draw), tolerance=1e-4)


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_quantized_network(network: Callable, data: st.DataObject) -> None:
    require_imported(*network(data.draw, quantized=True), tolerance=0.25)

"""Whatever valid network comes: imported it computes the same, or it is refused; no pass breaks down."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

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
def networks() -> ModuleType:
    """random_networks.py."""
    spec = importlib.util.spec_from_file_location("random_networks", Path(__file__).parent / "random_networks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def run_file(model: onnx.ModelProto, image: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return session.run(None, {"x": image})[0]


def require_imported(
    model: onnx.ModelProto, inputs: str, outputs: str, tolerance: float, dtype: type = np.float32, white: int = 1
) -> None:
    """The network, fed in its own layout and type, does what the imported one does, fed as all are."""
    onnx.checker.check_model(model)
    random = np.random.default_rng(0)
    image = (random.random((1, 3, *HW)) if white == 1 else random.integers(0, 256, (1, 3, *HW))).astype(np.float32)
    given = image.transpose(["nchw".index(axis) for axis in inputs]).astype(dtype)
    try:
        expected = run_file(model, given).transpose([outputs.index(axis) for axis in "nchw"]).astype(np.float32)
    except Exception:  # ONNX Runtime lacks an operator in this version, or of this type
        assume(False)
    assume(np.isfinite(expected).all())
    try:
        made = import_model(model).model
    except ModelError as refusal:
        assert refusal.where or refusal.why
        return
    scale = max(float(np.ptp(expected)), float(np.abs(expected).max()), 1e-3 if white == 1 else 255)
    found = verify.run(verify.session(made), image)
    assert found.shape == expected.shape
    assert np.abs((np.rint(found).clip(0, 255) if white == 255 else found) - expected).max() <= tolerance * scale
    try:
        data = lower(made, None)
    except LoweringRefusal as refusal:
        assert refusal.where or refusal.why
        return
    if library_path() is not None:
        native = NativeRunner(data, 1).run(image)
        assert np.abs(native - found).max() <= 1e-4 * scale


QUIET = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}


@settings(max_examples=30, **QUIET)
@given(data=st.data())
def test_any_network(networks: ModuleType, data: st.DataObject) -> None:
    require_imported(*networks.network(data.draw), tolerance=1e-4)


@settings(max_examples=10, **QUIET)
@given(data=st.data())
def test_any_quantized_network(networks: ModuleType, data: st.DataObject) -> None:
    require_imported(*networks.network(data.draw, quantized=True), tolerance=0.25)


@settings(max_examples=10, **QUIET)
@given(data=st.data())
def test_any_network_of_8_bit_images(networks: ModuleType, data: st.DataObject) -> None:
    model, *layouts = networks.network(data.draw)
    require_imported(networks.of_8_bit_images(model), *layouts, tolerance=1.01 / 255, dtype=np.uint8, white=255)


@settings(max_examples=10, **QUIET)
@given(data=st.data())
def test_any_network_in_half_precision(networks: ModuleType, data: st.DataObject) -> None:
    model, *layouts = networks.network(data.draw)
    require_imported(networks.in_half_precision(model), *layouts, tolerance=0.05, dtype=np.float16)

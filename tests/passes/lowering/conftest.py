"""Lowered graphs against ONNX Runtime, in numpy and in the native engine."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from slsc.passes.lowering import lower
from slsc.passes.lowering.nmp import PlanFile
from slsc.plan import Plan
from slsc.runtime.backends.native import NativeRunner

ORACLE_DB, ENGINE_DB = 110, 90
"""Least PSNR to ONNX Runtime of the interpreter, which sums in float64, and of the engine."""

SIZES = ((37, 53), (64, 48), (7, 9))


@pytest.fixture(scope="session")
def interpret() -> Callable[..., np.ndarray]:
    """`interpret(plan, image, capacity=0)` of interpreter.py."""
    spec = importlib.util.spec_from_file_location("lowering_interpreter", Path(__file__).parent / "interpreter.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.interpret  # type: ignore[no-any-return]


def psnr(found: np.ndarray, wanted: np.ndarray) -> float:
    """Of the range of `wanted`, or of its largest value where it is flat; dB."""
    assert found.shape == wanted.shape
    error = float(np.mean(np.square(found.astype(np.float64) - wanted)))
    span = max(float(np.ptp(wanted)), float(np.abs(wanted).max()), 1e-6)
    return np.inf if error == 0 else 10 * np.log10(span**2 / error)


@pytest.fixture(scope="session")
def decibels() -> Callable[[np.ndarray, np.ndarray], float]:
    """`psnr`."""
    return psnr


@pytest.fixture(scope="session")
def run_onnx() -> Callable[[onnx.ModelProto, np.ndarray], np.ndarray]:
    """`run_onnx(model, image)`: a (C, H, W) image in ONNX Runtime."""

    def run(model: onnx.ModelProto, image: np.ndarray) -> np.ndarray:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        # Without VNNI it else adds two products of bytes in 16 bits, which overflow.
        options.add_session_config_entry("session.x64quantprecision", "1")
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
        return session.run(None, {session.get_inputs()[0].name: image[None]})[0][0]  # type: ignore[no-any-return]

    return run


@pytest.fixture(scope="session")
def lowers(interpret: Callable[..., np.ndarray], isas: list[str], run_onnx: Callable[..., np.ndarray]) -> Callable:
    """`lowers(model, *sizes, plan=None, low=-1, high=1)`: the plan, which computes what ONNX Runtime does."""

    def check(
        model: onnx.ModelProto,
        *sizes: tuple[int, int],
        plan: Plan | None = None,
        low: float = -1.0,
        high: float = 1.0,
        engine: bool = True,
    ) -> PlanFile:
        data = lower(model, plan)
        lowered = PlanFile.from_bytes(data)
        assert lowered.to_bytes() == data
        channels = lowered.values[lowered.input]
        for height, width in sizes or SIZES:
            random = np.random.default_rng(height * 1000 + width)
            image = random.uniform(low, high, (channels, height, width)).astype(np.float32)
            wanted = run_onnx(model, image)
            found = interpret(lowered, image)
            assert psnr(found, wanted) >= ORACLE_DB, (height, width, psnr(found, wanted), found, wanted)
            for isa in isas if engine else ():
                assert psnr(NativeRunner(data, 1, isa).run(image[None])[0], wanted) >= ENGINE_DB, (isa, height, width)
        return lowered

    return check

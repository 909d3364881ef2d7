"""The native engine's plan of a network: lowered, and shown to compute what ONNX Runtime does."""

from __future__ import annotations

import onnx

from slsc.errors import BackendError
from slsc.networks.agreement import LEAST_DB, decibels
from slsc.passes.lowering import LoweringRefusal, lower
from slsc.plan import Plan
from slsc.runtime.backends import AllocationFailed
from slsc.runtime.backends.library import library_path
from slsc.runtime.backends.native import NativeRunner
from slsc.runtime.backends.onnxruntime import OnnxRuntimeRunner
from slsc.runtime.bundle.manifest import ImageIO


def native_plan(model: onnx.ModelProto, plan: Plan | None, io: ImageIO) -> bytes:
    """Lower a network, and compare both backends where the native engine is installed.

    Args:
        model: the engine's graph, its masks baked in.
        plan: N:M by weight.
        io: how pixels enter and leave it.

    Returns:
        The plan file.

    Raises:
        LoweringRefusal: the native engine has no operation for some node, or computes something else.
    """
    data = lower(model, plan)
    if library_path() is not None:
        try:
            found = decibels(OnnxRuntimeRunner(model.SerializeToString(), 0), NativeRunner(data, 0), io)
        except (AllocationFailed, BackendError) as error:
            raise LoweringRefusal("both backends cannot be compared", why=str(error)) from None
        if not found >= LEAST_DB:
            why = f"{found:.1f} dB from ONNX Runtime, not {LEAST_DB:g}"
            raise LoweringRefusal("the native engine computes something else", why=why, hint="please report this")
    return data

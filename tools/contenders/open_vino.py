"""OpenVINO on the CPU in float32, sizes fixed, tuned for the latency of one image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino as ov

from slsc.tools.contenders.base import Image, Restore, Subject


class OpenVino:
    """Reads ONNX itself, through `Core.read_model`, which unlike its command-line converter reports to nobody."""

    version = ov.__version__.partition("-")[0]
    dense, pruned = True, False

    def convert(self, subject: Subject, folder: Path, hw: tuple[int, int]) -> Path:
        """Nothing to do; see `Contender.convert`."""
        return subject.file

    def load(self, file: Path, hw: tuple[int, int], threads: int) -> Restore:
        """See `Contender.load`."""
        return load(file, hw, threads, "f32")


def load(file: Path, hw: tuple[int, int], threads: int, precision: str) -> Restore:
    """An ONNX file, run in its own integers where it has QuantizeLinear nodes.

    Args:
        file, hw, threads: see `Contender.load`.
        precision: what else is computed in, one of `precisions`.
    """
    core = ov.Core()
    model = core.read_model(file)
    channels = model.input().partial_shape[1].get_length()
    model.reshape([1, channels, *hw])
    compiled = core.compile_model(
        model,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": precision,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
        },
    )
    request = compiled.create_infer_request()

    def restore(image: Image) -> Image:
        request.infer([image], share_inputs=True)
        return np.array(request.get_output_tensor().data)

    return restore


def precisions() -> tuple[str, ...]:
    """Those of floating point that this processor has instructions for."""
    known = ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return ("f32", *(["bf16"] if "BF16" in known else []))


CONTENDER = OpenVino()

"""Running a model in ONNX Runtime, and comparing two models on the same inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from slsc.errors import ModelError
from slsc.metrics.psnr import psnr
from slsc.runtime.backends.ort_reason import ort_reason

SPIKES = 10
"""How many times the tolerance a few values may differ by, those where large numbers inside a network cancel."""

TOLERANCE, HALF_TOLERANCE, QUANTIZED_TOLERANCE = 1e-5, 1e-2, 5e-2


@dataclass(frozen=True)
class Difference:
    """How far the outputs of two models lie apart over all inputs.

    Attributes:
        max_abs: largest absolute difference, in the network's value range.
        range: largest minus smallest output value of the first model.
        psnr_db: 20 log10(range / rms difference); infinite when the outputs are equal.
    """

    max_abs: float
    range: float
    psnr_db: float

    def to_dict(self) -> dict[str, float | None]:
        """As JSON-ready values: a PSNR that is not finite becomes None."""
        return {"max_abs": self.max_abs, "psnr_db": self.psnr_db if math.isfinite(self.psnr_db) else None}

    @property
    def relative(self) -> float:
        """Largest difference as a share of the range."""
        if self.range:
            return self.max_abs / self.range
        return math.inf if self.max_abs else 0.0


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """An ONNX Runtime CPU session.

    Raises:
        ModelError: ONNX Runtime refuses the model.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong is raised, the log would only repeat it on stderr
    try:
        # Without the fallback, which would print to stdout and fail the same way a second time.
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, ["CPUExecutionProvider"], enable_fallback=0
        )
    except Exception as error:  # ONNX Runtime's exception types are private and derive from Exception
        raise ModelError("ONNX Runtime refuses the model", why=ort_reason(error)) from None


def run(running: onnxruntime.InferenceSession, image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The image output for one NCHW batch, which is cast to the input's type; the result is float32.

    Raises:
        ModelError: the network does not accept the batch.
    """
    entry = running.get_inputs()[0]
    dtype = {"tensor(float16)": np.float16, "tensor(double)": np.float64}.get(entry.type, np.float32)
    try:
        result = running.run(None, {entry.name: image.astype(dtype)})[0]
    except Exception as error:
        size = f"{image.shape[2]}x{image.shape[3]}"
        raise ModelError(f"the network does not run on a {size} image", why=ort_reason(error)) from None
    return np.asarray(result, np.float32)


def tolerance(model: onnx.ModelProto) -> float:
    """Largest difference, as a share of the range, that a rewriting of the same function may make.

    In half precision every operator rounds to 2^-11, and a rewriting moves those roundings about. Among QuantizeLinear
    nodes a rewriting changes what ONNX Runtime computes in integers, and with it a few roundings to 8 bits.
    """
    if any(node.op_type == "QuantizeLinear" for node in model.graph.node):
        return QUANTIZED_TOLERANCE
    types = [value.type.tensor_type.elem_type for value in model.graph.input]
    types += [tensor.data_type for tensor in model.graph.initializer]
    return HALF_TOLERANCE if onnx.TensorProto.FLOAT16 in types else TOLERANCE


def is_rounding(difference: Difference, limit: float) -> bool:
    """Whether two models compute the same function: their outputs differ nowhere by more than `limit` of the range.

    Or on average by a third of it, and nowhere by more than `SPIKES` times it.
    """
    if difference.relative <= limit:
        return True
    mean = 10 ** (-difference.psnr_db / 20)
    return difference.relative <= SPIKES * limit and mean <= limit / 3


def compare(before: onnx.ModelProto, after: onnx.ModelProto, inputs: Sequence[npt.NDArray[Any]]) -> Difference:
    """Run both models on every NCHW batch of `inputs`. Outputs of unequal shape are infinitely far apart."""
    first, second = session(before), session(after)
    worst, squares, count = 0.0, 0.0, 0
    low, high = math.inf, -math.inf
    for image in inputs:
        expected, found = run(first, image).astype(np.float64), run(second, image).astype(np.float64)
        if expected.shape != found.shape or not np.isfinite(found).all():
            return Difference(math.inf, float(np.ptp(expected)), -math.inf)
        error = expected - found
        worst = max(worst, float(np.abs(error).max()))
        squares, count = squares + float(np.square(error).sum()), count + error.size
        low, high = min(low, float(expected.min())), max(high, float(expected.max()))
    span = high - low
    return Difference(worst, span, psnr(squares / max(count, 1), span))

"""What `slsc inspect` says of a network: per layer its shape, cost, N:M pattern and 2:4 verdict."""

from __future__ import annotations

import bisect
import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from slsc.errors import BundleError, ModelError, VerificationError
from slsc.passes.analysis.cost import costs
from slsc.passes.analysis.layers import ConvLayer, conv_layers
from slsc.passes.base import PassContext
from slsc.passes.importing.import_checks import ImportChecks
from slsc.passes.importing.load import model_of_bytes
from slsc.passes.pipeline import Pipeline
from slsc.passes.weights import weight_values
from slsc.pattern import WINDOW, first_2to4_violation, first_violation
from slsc.runtime.bundle.engines import Engine
from slsc.runtime.bundle.faults import BundleFault

REPORT_HW = (720, 1280)
"""Output size (height, width) at which costs are printed, the one of the literature's tables."""


@dataclass(frozen=True)
class LayerReport:
    """One convolution weight.

    Attributes:
        layer: what the weight is, and whether it may be pruned.
        macs: dense weight MACs, all uses together.
        nonzeros: weights that are not zero.
        n: the smallest N such that the weight is N:M; None where patterns are not defined (transposed, computed).
        why_not_2to4: why 2:4 hardware cannot take the weight as it stands; empty when it is eligible.
    """

    layer: ConvLayer
    macs: int
    nonzeros: int
    n: int | None
    why_not_2to4: str

    @property
    def weights(self) -> int:
        """Number of weights, zeros included."""
        return math.prod(self.layer.shape) if self.layer.shape else 0

    @property
    def kept_macs(self) -> int:
        """Weight MACs that remain when zeros are skipped."""
        return self.macs // self.weights * self.nonzeros if self.weights else 0


@dataclass(frozen=True)
class NetworkReport:
    """A network's layers and totals.

    Attributes:
        layers: every convolution weight in graph order.
        m: group size of the layers' N:M.
        output_hw: output size the MACs are counted at, pixels; not `REPORT_HW` for a network of fixed size.
        macs: dense weight MACs of the whole network.
        params: trainable parameters, dense.
    """

    layers: tuple[LayerReport, ...]
    m: int
    output_hw: tuple[int, int]
    macs: int
    params: int

    @property
    def kept_macs(self) -> int:
        """Weight MACs of the whole network that remain when zeros are skipped."""
        return self.macs - sum(report.macs - report.kept_macs for report in self.layers)

    @property
    def kept_params(self) -> int:
        """Parameters of the whole network without the layers' zeros."""
        return self.params - sum(report.weights - report.nonzeros for report in self.layers)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {**asdict(self), "kept_macs": self.kept_macs, "kept_params": self.kept_params}


def inspect_network(model: onnx.ModelProto, m: int) -> NetworkReport:
    """Report on a network that the import passes have cleaned, patterns at group size `m`."""
    cost = costs(model, REPORT_HW)
    weights = weight_values(model)
    macs = {layer.name: layer.macs for layer in cost.layers}
    layers = tuple(
        _layer_report(layer, weights.get(layer.name), macs.get(layer.name, 0), m) for layer in conv_layers(model)
    )
    return NetworkReport(layers, m, cost.output_hw, cost.weight_macs, cost.params)


def inspect_engine(data: bytes, engine: Engine) -> NetworkReport:
    """Report on an engine of a bundle, given as the bytes of its ONNX file; M is that of its plan.

    Raises:
        BundleError: the bytes are no ONNX network that slsc could have written.
    """
    m = engine.plan.layers[0].m if engine.plan and engine.plan.layers else 32
    return inspect_network(parse_engine(data, engine), m)


def parse_engine(data: bytes, engine: Engine) -> onnx.ModelProto:
    """An engine's graph.

    Raises:
        BundleError: the bytes are no ONNX network that slsc could have written.
    """
    try:
        model = model_of_bytes(data, engine.name)
        Pipeline([ImportChecks()]).run(model, PassContext())
    except (ModelError, VerificationError) as error:
        raise BundleError(
            BundleFault.CHANGED_ENTRY,
            "the engine is no network that slsc wrote",
            where=engine.onnx,
            why=str(error),
            hint="make the bundle again with `slsc compile`",
        ) from error
    return model


def verdict_2to4(layer: ConvLayer, weight: npt.NDArray[Any] | None) -> str:
    """Why sparse tensor cores cannot take a weight; empty when they can.

    The conditions are TensorRT's: a plain convolution of one group, channels a multiple of 4, and in every aligned
    window of 4 input channels, at every output channel and kernel position, at most 2 non-zeros. One bad window
    disqualifies the layer. Eligible does not mean faster: the builder times both and seldom picks narrow layers.
    """
    if weight is None:
        return "computed weight"
    if _is_transposed(layer):
        return "transposed convolution"
    if layer.groups > 1:
        return f"{layer.groups} convolution groups"
    if weight.shape[1] % WINDOW:
        return f"{weight.shape[1]} input channels, no multiple of {WINDOW}"
    bad = first_2to4_violation(weight)
    if bad is None:
        return ""
    k, c, *position = bad
    held = np.count_nonzero(np.moveaxis(weight[k, c : c + WINDOW], 0, -1)[tuple(position)])
    return f"{held} of {WINDOW} at (k,c,r,s) = ({', '.join(map(str, bad))})"


def tightest_n(weight: npt.NDArray[Any], m: int) -> int:
    """The smallest N such that `weight`, shaped (K, C, ...), is N:M; M where no weight is zero."""
    if np.all(weight):
        return m
    return 1 + bisect.bisect_left(range(1, m), True, key=lambda n: first_violation(weight, n, m) is None)


def _layer_report(layer: ConvLayer, weight: npt.NDArray[Any] | None, macs: int, m: int) -> LayerReport:
    grouped_along_axis_1 = weight is not None and not _is_transposed(layer)
    return LayerReport(
        layer,
        macs,
        0 if weight is None else int(np.count_nonzero(weight)),
        tightest_n(weight, m) if weight is not None and grouped_along_axis_1 else None,
        verdict_2to4(layer, weight),
    )


def _is_transposed(layer: ConvLayer) -> bool:
    return layer.node.startswith("ConvTranspose")

"""What `slsc inspect` says of a network: per layer its shape, cost, N:M pattern and 2:4 verdict."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from slsc.errors import BundleError, ModelError, PlanError, VerificationError
from slsc.passes.analysis.cost import costs
from slsc.passes.analysis.layers import ConvLayer, conv_layers
from slsc.passes.analysis.roofline import DEFAULT_DEVICE, DEVICES, Bound, Device, bounds
from slsc.passes.analysis.shapes import concrete_shapes
from slsc.passes.base import PassContext
from slsc.passes.importing.import_checks import ImportChecks
from slsc.passes.importing.load import model_of_bytes
from slsc.passes.narrowing import follow_channels
from slsc.passes.pipeline import Pipeline
from slsc.passes.precision.emulate import emulated
from slsc.passes.sparsity24.verdict import Verdict, fits, tightest_n, verdict_of
from slsc.passes.weights import weight_values
from slsc.passes.widening import PadChannels
from slsc.runtime.bundle.engines import Engine
from slsc.runtime.bundle.faults import BundleFault

REPORT_HW = (720, 1280)
"""Output size (height, width) at which costs are printed, the one of the literature's tables."""

PAD_TO = 16
"""Channels that 2:4 tensor cores take at once in fp16, the multiple that padding is priced for."""


@dataclass(frozen=True)
class LayerReport:
    """One convolution weight.

    Attributes:
        layer: what the weight is, and whether it may be pruned.
        macs: dense weight MACs, all uses together.
        nonzeros: weights that are not zero.
        n: the smallest N such that the weight is N:M; None where patterns are not defined (transposed, computed).
        verdict: whether 2:4 hardware can take the weight as it stands, and if not, why not.
        pad_cost: its MACs over what they are, once every hidden width is a multiple of `PAD_TO`.
        bound: least time on `NetworkReport.device`, and what it is bounded by.
    """

    layer: ConvLayer
    macs: int
    nonzeros: int
    n: int | None
    verdict: Verdict
    pad_cost: float
    bound: Bound

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
        device: what the layers' bounds are of.
    """

    layers: tuple[LayerReport, ...]
    m: int
    output_hw: tuple[int, int]
    macs: int
    params: int
    device: Device

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
        found = {**asdict(self), "kept_macs": self.kept_macs, "kept_params": self.kept_params}
        for each, layer in zip(found["layers"], self.layers, strict=True):
            each["verdict"]["eligible"] = layer.verdict.eligible
            each["bound"].update(by=layer.bound.by, at_best=layer.bound.at_best)
        return found


def inspect_network(model: onnx.ModelProto, m: int, device: Device = DEVICES[DEFAULT_DEVICE]) -> NetworkReport:
    """Report on a network that the import passes have cleaned, patterns at group size `m`, bounds on `device`."""
    cost = costs(model, REPORT_HW)
    bound, pad_cost = bounds(model, concrete_shapes(model, cost.input_hw), device), _pad_costs(model, PAD_TO)
    weights = weight_values(model)
    macs = {layer.name: layer.macs for layer in cost.layers}
    layers = tuple(
        _layer_report(
            layer,
            weights.get(layer.name),
            macs.get(layer.name, 0),
            m,
            bound[layer.name],
            pad_cost.get(layer.name, 1.0),
        )
        for layer in conv_layers(model)
    )
    return NetworkReport(layers, m, cost.output_hw, cost.weight_macs, cost.params, device)


def inspect_engine(data: bytes, engine: Engine, device: Device = DEVICES[DEFAULT_DEVICE]) -> NetworkReport:
    """Report on an engine of a bundle, given as the bytes of its ONNX file; M is that of its plan.

    Raises:
        BundleError: the bytes are no ONNX network that slsc could have written.
    """
    m = engine.plan.layers[0].m if engine.plan and engine.plan.layers else 32
    return inspect_network(parse_engine(data, engine), m, device)


def parse_engine(data: bytes, engine: Engine) -> onnx.ModelProto:
    """An engine's graph.

    Raises:
        BundleError: the bytes are no ONNX network that slsc could have written.
    """
    try:
        model = model_of_bytes(data, engine.name)
        bf16 = any(tensor.data_type == onnx.TensorProto.BFLOAT16 for tensor in model.graph.initializer)
        # ONNX Runtime has no bfloat16 convolution, and the checks run it.
        Pipeline([ImportChecks()]).run(emulated(model) if bf16 else model, PassContext())
    except (ModelError, VerificationError, RuntimeError, ValueError, TypeError) as error:
        raise BundleError(
            BundleFault.CHANGED_ENTRY,
            "the engine is no network that slsc wrote",
            where=engine.onnx,
            why=str(error),
            hint="make the bundle again with `slsc compile`",
        ) from error
    return model


def require_2to4(report: NetworkReport, where: str) -> None:
    """Refuse a network that 2:4 hardware would run dense.

    Every layer that may be pruned and keeps at most half of its weights must be eligible, and there must be one.

    Raises:
        PlanError: exit code 3; names the first layer that is not, and why.
    """
    bound = [
        layer for layer in report.layers if layer.layer.prunable and layer.n is not None and fits(layer.n, report.m)
    ]
    refused = [layer for layer in bound if not layer.verdict.eligible]
    half = f"{report.m // 2}:{report.m}"
    if not bound:
        raise PlanError(
            "no layer keeps few enough weights for 2:4 hardware",
            where=where,
            why=f"of {len(report.layers)} layers none keeps {half} or less",
            hint="slsc compile MODEL.onnx --budget 1/4 --map-2to4 require",
            exit_code=3,
        )
    if refused:
        first = refused[0]
        raise PlanError(
            f"{len(refused)} of {len(bound)} layers that keep {half} or less are not eligible for 2:4 hardware",
            where=f"{where}: {first.layer.name}",
            why=f"{first.verdict.reason}: {first.verdict.detail}",
            hint="compile with --map-2to4 require, and --pad auto where C%4 is the reason",
            exit_code=3,
        )


def _layer_report(
    layer: ConvLayer, weight: npt.NDArray[Any] | None, macs: int, m: int, bound: Bound, pad_cost: float
) -> LayerReport:
    grouped_along_axis_1 = weight is not None and not layer.node.startswith("ConvTranspose")
    return LayerReport(
        layer,
        macs,
        0 if weight is None else int(np.count_nonzero(weight)),
        tightest_n(weight, m) if weight is not None and grouped_along_axis_1 else None,
        verdict_of(layer, weight, m),
        pad_cost,
        bound,
    )


def _pad_costs(model: onnx.ModelProto, multiple: int) -> dict[str, float]:
    """By weight: its MACs over what they are, once every hidden width is a multiple."""
    channels = follow_channels(model)
    more = {width.classes[-1]: -len(width.classes) % multiple for width in channels.widths}
    wide = PadChannels(channels, more)
    found = {}
    for tensor in model.graph.initializer:
        extents = [
            (wide.widened(channels.axes[tensor.name, axis]) / extent if (tensor.name, axis) in channels.axes else 1.0)
            for axis, extent in enumerate(tensor.dims)
        ]
        found[tensor.name] = math.prod(extents)
    return found

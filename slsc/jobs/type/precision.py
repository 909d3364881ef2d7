"""A network given types: fp16, bf16, int8, or layer by layer whatever a stated loss allows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import onnx

from slsc.errors import DataError, ModelError, UsageError, VerificationError
from slsc.jobs.compile.measuring import HeldOut, Quality
from slsc.jobs.type.wanted import AUTO, INT8, Precision
from slsc.onnx_torch import OnnxModule
from slsc.passes.analysis.cost import Cost, costs
from slsc.passes.base import Pass, PassContext
from slsc.passes.pipeline import Pipeline
from slsc.passes.precision.convolutions import convolutions, named
from slsc.passes.precision.emulate import emulated
from slsc.passes.precision.half import WriteHalf
from slsc.passes.precision.int8 import Int8Types, WriteInt8
from slsc.passes.precision.rounded import RoundToBf16
from slsc.passes.precision.types import FLOAT32, HALVES, ROUNDED
from slsc.passes.weights import weight_values
from slsc.progress import StageProgress
from slsc.quantize.activations import Quantizer
from slsc.quantize.calibration import Calibration
from slsc.quantize.choice import Sensitivity, choose
from slsc.quantize.layers import quantizable
from slsc.quantize.sensitivity import measure_rises
from slsc.quantize.sequence import quantize_in_sequence
from slsc.quantize.trained import train_quantized
from slsc.search.base import COST_HW
from slsc.search.lesson import Lesson


@dataclass(frozen=True)
class LayerType:
    """What one convolution computes in.

    Attributes:
        name: its weight.
        precision: "int8", "fp16", "bf16", "bf16-rounded" or "float32".
        share: of the network's multiply-accumulates with weights that are not zero, 0..1.
        loss: what 8 bits in this layer alone would lose, dB, predicted; None where that was not measured.
    """

    name: str
    precision: str
    share: float
    loss: float | None


@dataclass(frozen=True)
class TypedNetwork:
    """A network with types in it.

    Attributes:
        model: the graph.
        layers: its convolutions.
        quality: of the typed network, roundings as the types make them.
        loss: PSNR against the wanted images that the types cost, dB; None where there are none.
        scales: (scale, zero point) by tensor that is quantized.
        casts: Casts between types.
    """

    model: onnx.ModelProto
    layers: tuple[LayerType, ...]
    quality: Quality
    loss: float | None
    scales: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    casts: int = 0

    def share(self, precision: str) -> float:
        """Share of the multiply-accumulates in a precision."""
        return sum(layer.share for layer in self.layers if layer.precision == precision)


class Typing:
    """Gives one network types.

    Args:
        network: float32, as the import passes leave it.
        calibration: what integers are fitted to, drawn when it is needed.
        held_out: photos to measure on.
        restorer: what makes pictures of the network's outputs.
        progress: told as work proceeds.
        lesson: what networks with layers in 8 bits are trained on; None for no training.
    """

    def __init__(
        self,
        network: onnx.ModelProto,
        calibration: Callable[[], Calibration],
        held_out: HeldOut,
        restorer: Callable[[onnx.ModelProto], onnx.ModelProto],
        progress: StageProgress,
        lesson: Lesson | None = None,
    ) -> None:
        self._network, self._calibration, self._held_out = named(network), calibration, held_out
        self._restorer, self._progress, self._lesson = restorer, progress, lesson
        self._float = held_out.quality(restorer(network))
        self._quantizers: Mapping[str, Quantizer] = {}

    def typed(self, precision: Precision) -> TypedNetwork:
        """The network with types, measured.

        Raises:
            ModelError: a weight does not fit a type, or no layer can be computed in 8 bits.
            DataError: a loss was stated, and there is nothing to measure it against.
            VerificationError: the stated loss cannot be met; exit code 3, names the best that was reached.
        """
        if precision.allowed is not None and self._float.psnr is None:
            raise DataError(
                "the loss cannot be measured",
                why="it is not known what the network should make of the photos",
                hint="state no --loss and use --precision int8, fp16 or bf16, or give --pairs where a verb takes them",
            )
        if precision.name == AUTO:
            return self._auto(precision)
        if precision.name == INT8:
            return self._within(self._int8(precision, self._inner(precision), None, {}, self._lesson), precision)
        if precision.name == FLOAT32.name:
            return self._measured(self._network, {}, {})
        return self._within(self._half(precision), precision)

    def _half(self, precision: Precision) -> TypedNetwork:
        convolutions = self._convolutions(precision.keep)
        if precision.name == ROUNDED:
            step: Pass = RoundToBf16({node for nodes in convolutions.values() for node in nodes})
        else:
            step = WriteHalf(HALVES[precision.name], precision.keep)
        model, casts = _written(self._network, step)
        return replace(self._measured(model, dict.fromkeys(convolutions, precision.name), {}), casts=casts)

    def _int8(
        self,
        precision: Precision,
        chosen: tuple[str, ...],
        half: str | None,
        losses: Mapping[str, float],
        lesson: Lesson | None = None,
    ) -> TypedNetwork:
        """The network with the layers `chosen` in 8 bits, trained where there is a lesson, the others in `half`."""
        network, types = self._network, self._integers(chosen, precision.signed)
        if lesson is not None and chosen:
            network, types = train_quantized(network, types, lesson, self._progress)
        model, casts = Pipeline([WriteInt8(types)]).run(network, PassContext()).model, 0
        kinds = dict.fromkeys(chosen, INT8)
        if half is not None:
            others = {name: nodes for name, nodes in self._convolutions(precision.keep).items() if name not in kinds}
            halved = {node for nodes in others.values() for node in nodes}
            keep = [node.name for node in model.graph.node if node.name not in halved]
            step: Pass = RoundToBf16(halved) if half == ROUNDED else WriteHalf(HALVES[half], keep)
            model, casts = _written(model, step)
            kinds.update(dict.fromkeys(others, half))
        scales = {name: (grid.scale, grid.zero) for name, grid in types.grids.items()}
        return replace(self._measured(model, kinds, losses), scales=scales, casts=casts)

    def _integers(self, chosen: tuple[str, ...], signed: bool) -> Int8Types:
        """Those of the layers `chosen`, fitted to photos."""
        if not chosen:
            return Int8Types({}, {}, {})
        module, inputs = OnnxModule(self._network), self._calibration()
        return quantize_in_sequence(module, inputs, chosen, signed, 0, self._progress, self._quantizers)

    def _auto(self, precision: Precision) -> TypedNetwork:
        chosen = self._inner(precision)
        module, inputs = OnnxModule(self._network), self._calibration()
        rises, self._quantizers = measure_rises(module, inputs, chosen, precision.signed, self._progress)
        span = self._held_out.io.output_range.mean_span
        assert self._float.psnr is not None and precision.allowed is not None
        macs = self._macs()
        sensitivity = Sensitivity(
            {name: rise / span**2 for name, rise in rises.items()}, macs, 10 ** (-self._float.psnr / 10)
        )
        losses = {name: sensitivity.loss([name]) for name in chosen}
        tried: dict[tuple[str, ...], TypedNetwork] = {}

        def measure(layers: tuple[str, ...]) -> float:
            tried[layers] = self._int8(precision, layers, precision.beside, losses)
            return tried[layers].loss or 0.0

        if self._lesson is not None:
            every = self._int8(precision, chosen, precision.beside, losses, self._lesson)
            if (every.loss or 0.0) <= precision.allowed:
                return every
        layers, _ = choose(sensitivity, precision.allowed, measure)
        if layers:
            return tried[layers] if self._lesson is None else self._better(tried[layers], precision, layers, losses)
        none = self._int8(precision, (), precision.beside, losses)
        best = min([*tried.values(), none], key=lambda found: found.loss or 0.0)
        return self._within(none if (none.loss or 0.0) <= precision.allowed else best, precision)

    def _better(
        self, found: TypedNetwork, precision: Precision, layers: tuple[str, ...], losses: Mapping[str, float]
    ) -> TypedNetwork:
        """The same layers in 8 bits, trained, unless that loses more."""
        trained = self._int8(precision, layers, precision.beside, losses, self._lesson)
        return min(found, trained, key=lambda one: one.loss or 0.0)

    def _within(self, found: TypedNetwork, precision: Precision) -> TypedNetwork:
        if precision.allowed is None or found.loss is None or found.loss <= precision.allowed:
            return found
        raise VerificationError(
            f"--loss {precision.allowed:g} cannot be met with --precision {precision.name}",
            why=f"the best that was reached loses {found.loss:.4f} dB",
            hint=f"allow --loss {math.ceil(found.loss * 1000 + 1) / 1000:g}"
            + ("" if precision.name == AUTO else ", or use --precision auto"),
            exit_code=3,
        )

    def _inner(self, precision: Precision) -> tuple[str, ...]:
        """The layers that may compute in 8 bits.

        Raises:
            ModelError: there is none.
        """
        free = self._convolutions(precision.keep)
        chosen = tuple(name for name in quantizable(OnnxModule(self._network), self._network) if name in free)
        if not chosen:
            raise ModelError(
                "no layer can be computed in 8 bits",
                why="the convolutions that read or make the image are not, and there are no others",
                hint="use --precision fp16",
            )
        return chosen

    def _convolutions(self, keep: tuple[str, ...]) -> dict[str, list[str]]:
        """Names of the nodes by weight, of the convolutions of which none stays float32."""
        found = convolutions(self._network)
        return {name: nodes for name, nodes in found.items() if not set(keep).intersection(nodes)}

    def _macs(self) -> dict[str, int]:
        """Multiply-accumulates by convolution, with weights that are not zero."""
        values = weight_values(self._network)
        cost: Cost = costs(self._network, COST_HW)
        return {layer.name: int((values[layer.name] != 0).sum()) * layer.positions for layer in cost.layers}

    def _measured(self, model: onnx.ModelProto, kinds: Mapping[str, str], losses: Mapping[str, float]) -> TypedNetwork:
        quality = self._held_out.quality(self._restorer(emulated(model)))
        loss = None if quality.psnr is None or self._float.psnr is None else self._float.psnr - quality.psnr
        macs = self._macs()
        total = sum(macs.values()) or 1
        layers = tuple(
            LayerType(name, kinds.get(name, FLOAT32.name), count / total, losses.get(name))
            for name, count in macs.items()
        )
        return TypedNetwork(model, layers, quality, loss)


def _written(model: onnx.ModelProto, step: Pass) -> tuple[onnx.ModelProto, int]:
    """A network with types of 16 bits written into it, and how many Casts that takes."""
    result = Pipeline([step]).run(model, PassContext())
    return result.model, result.report[step.name]["casts"]


def require_nodes(model: onnx.ModelProto, keep: tuple[str, ...]) -> None:
    """Refuse to keep nodes that are not there.

    Raises:
        UsageError: names the first, and some that are.
    """
    known = {node.name for node in model.graph.node}
    if strangers := [name for name in keep if name not in known]:
        some = ", ".join(sorted(filter(None, known))[:5])
        raise UsageError(f"the network has no node {strangers[0]!r}", hint=f"nodes are {some}, ...")

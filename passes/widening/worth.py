"""Which widths to pad: all of them, or those with which a roofline says that 2:4 hardware could be faster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import onnx

from slsc.errors import ModelError
from slsc.passes.analysis.cost import costs
from slsc.passes.analysis.layers import conv_layers
from slsc.passes.analysis.roofline import Device, bounds
from slsc.passes.analysis.shapes import Shapes, concrete_shapes
from slsc.passes.base import PassContext
from slsc.passes.graph import CONVOLUTIONS
from slsc.passes.narrowing import Channels, follow_channels
from slsc.passes.narrowing.walk import CHANNEL_AXIS
from slsc.passes.pipeline import Pipeline
from slsc.passes.weights import Weights
from slsc.passes.widening.pad import PadChannels, why_not
from slsc.pattern import WINDOW

NEVER, AUTO, ALWAYS = PADDINGS = ("never", "auto", "always")
"""Which widths are padded: none, those that pay, or all."""

FIT = "fit"
"""Those without which a layer's input channels would be no multiple of 4."""


@dataclass(frozen=True)
class PaddedWidth:
    """A hidden width that is no multiple.

    Attributes:
        value: the first of the graph's values that it runs through.
        channels: how many it has.
        added: how many it got.
        refused: why it cannot be padded; empty where it could.
    """

    value: str
    channels: int
    added: int
    refused: str


@dataclass(frozen=True)
class Padded:
    """A network with more channels, and their price.

    Attributes:
        model: it; the one given where nothing was padded.
        widths: those that are no multiple, in the graph's order.
        macs: dense weight MACs before and after.
        seconds: least time on the device that was asked about, every layer 2:4 whose shape allows it, before and after.
        max_abs: largest difference to the output, in the network's range.
    """

    model: onnx.ModelProto
    widths: tuple[PaddedWidth, ...]
    macs: tuple[int, int]
    seconds: tuple[float, float]
    max_abs: float

    @property
    def added(self) -> int:
        """How many channels were added."""
        return sum(width.added for width in self.widths)


def pad(
    model: onnx.ModelProto,
    multiple: int,
    which: str,
    device: Device,
    output_hw: tuple[int, int],
    context: PassContext,
) -> Padded:
    """Pad hidden widths to multiples.

    Args:
        model: as the import passes leave it.
        multiple: of channels.
        which: one of `PADDINGS`, or `FIT`.
        device: where it shall pay; looked at for "auto".
        output_hw: output size at which costs are counted.
        context: inputs to prove on that the network computes what it did.

    Raises:
        ModelError: for "always", if a width cannot be padded; names the node.
    """
    channels = follow_channels(model)
    short = [width for width in channels.widths if len(width.classes) % multiple]
    refused = {width.classes[-1]: why_not(model, channels, width) for width in short}
    for width in short:
        if which == ALWAYS and (why := refused[width.classes[-1]]):
            hint = "use --pad auto, or --pad never"
            raise ModelError("a width cannot be padded", where=width.value, why=why, hint=hint)
    lacking = {width.classes[-1]: -len(width.classes) % multiple for width in short}
    more = {last: count for last, count in lacking.items() if not refused[last] and which != NEVER}

    shapes = concrete_shapes(model, costs(model, output_hw).input_hw)

    def seconds(chosen: Mapping[int, int]) -> float:
        wide = PadChannels(channels, chosen)
        return least_seconds(model, shapes, device, _counts(wide))

    if which in (AUTO, FIT):
        more = _sufficing(model, channels, shapes, more)
    if which == AUTO:
        more = _paying(more, seconds)
    report = Pipeline([PadChannels(channels, more)]).run(model, context) if more else None
    wide = report.model if report else model
    difference = report.report[PadChannels.name].get("difference", {}) if report else {}
    widths = tuple(
        PaddedWidth(width.value, len(width.classes), more.get(last := width.classes[-1], 0), refused[last])
        for width in short
    )
    macs = costs(model, output_hw).weight_macs, costs(wide, output_hw).weight_macs
    return Padded(wide, widths, macs, (seconds({}), seconds(more)), difference.get("max_abs", 0.0))


def least_seconds(model: onnx.ModelProto, shapes: Shapes, device: Device, counts: Mapping[str, int]) -> float:
    """Least time of all convolutions, those 2:4 that may be pruned and whose shape allows it.

    Args:
        model: as the import passes leave it.
        shapes: of its tensors at the size asked about.
        device: where it would run.
        counts: channels of values that shall have others than in `shapes`.
    """
    found, inputs = bounds(model, shapes, device, counts), _input_channels(model, shapes, counts)
    return sum(
        found[layer.name].sparse if inputs.get(layer.name, 1) % WINDOW == 0 else found[layer.name].dense
        for layer in conv_layers(model)
    )


def _input_channels(model: onnx.ModelProto, shapes: Shapes, counts: Mapping[str, int]) -> dict[str, int]:
    """Of the layers that may be pruned and are not grouped, by weight."""
    weights = Weights(model)
    convs = [node for node in model.graph.node if node.op_type in CONVOLUTIONS]
    sources = {weights.source_of(node.input[1]) or node.input[1]: node.input[0] for node in convs}
    layers = [layer for layer in conv_layers(model) if layer.prunable and layer.groups == 1]
    return {
        layer.name: counts.get(sources[layer.name], shapes.of[sources[layer.name]][CHANNEL_AXIS]) for layer in layers
    }


def _counts(wide: PadChannels) -> dict[str, int]:
    return {value: wide.count(value) for value in wide.channels.values}


def _paying(more: Mapping[int, int], seconds: Callable[[Mapping[int, int]], float]) -> dict[int, int]:
    """Without every width that, left as it is, makes the rest no slower; none at all if the rest does not pay."""
    chosen = dict(more)
    best = seconds(chosen)
    for last in more:
        rest = {name: count for name, count in chosen.items() if name != last}
        if (time := seconds(rest)) <= best:
            chosen, best = rest, time
    return chosen if best < seconds({}) else {}


def _sufficing(model: onnx.ModelProto, channels: Channels, shapes: Shapes, more: Mapping[int, int]) -> dict[int, int]:
    """Those of `more` that are read by a layer which would not fit without them."""
    chosen: dict[int, int] = {}
    while True:
        counts = _input_channels(model, shapes, _counts(PadChannels(channels, chosen)))
        read = [channels.axes[name, 1] for name, count in counts.items() if count % WINDOW]
        added = {last: count for last, count in more.items() if any((ids == last).any() for ids in read)}
        if added.keys() <= chosen.keys():
            return chosen
        chosen |= added

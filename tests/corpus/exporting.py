"""From a trained network to the ONNX file that somebody would hand out."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional as F

IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

EXAMPLE_HW = (48, 64)
"""Size that is traced where sizes stay free."""


@dataclass(frozen=True)
class Levels:
    """Network values of black and white, one a channel, or one for all."""

    black: tuple[float, ...] = (0.0,)
    white: tuple[float, ...] = (1.0,)

    @classmethod
    def of(cls, low: float, high: float) -> Levels:
        return cls((low,), (high,))


IMAGENET = Levels(
    tuple(-mean / deviation for mean, deviation in zip(IMAGENET_MEAN, IMAGENET_DEVIATION, strict=True)),
    tuple((1 - mean) / deviation for mean, deviation in zip(IMAGENET_MEAN, IMAGENET_DEVIATION, strict=True)),
)


class Dressed(nn.Module):
    """A network of 0..1 RGB that takes and gives other values.

    Args:
        network: what it wraps; further inputs and outputs pass unchanged.
        given: levels of its input.
        made: levels of its first output.
        flip: "" or how the channels of the image are turned round at both ends, "flip" or "index".
        residual: 0, or the factor of the difference to the input that it puts out instead of the image.
        pads: it continues the image by mirroring to multiples of this itself, and cuts the result; 1 for none.
    """

    def __init__(
        self, network: nn.Module, given: Levels, made: Levels, *, flip: str = "", residual: float = 0, pads: int = 1
    ) -> None:
        super().__init__()
        self.pads = pads
        self.network, self.flip, self.residual = network, flip, residual
        self.plain = (given, made) == (Levels(), Levels())
        for name, levels in (("given", given), ("made", made)):
            black, white = (torch.tensor(values).view(1, -1, 1, 1) for values in (levels.black, levels.white))
            self.register_buffer(f"{name}_black", black)
            self.register_buffer(f"{name}_span", white - black)

    def forward(self, image: Tensor, *more: Tensor) -> Any:
        if not self.plain:
            image = (image - self.given_black) / self.given_span
        image = self._turned(image)
        height, width = image.size(2), image.size(3)
        if self.pads > 1:
            more_rows, more_columns = (-height) % self.pads, (-width) % self.pads
            image = F.pad(image, (0, more_columns, 0, more_rows), mode="reflect")
        result = self.network(image, *more)
        restored, others = (result[0], result[1:]) if isinstance(result, tuple) else (result, ())
        if self.residual:
            restored = self.residual * (restored - image)
        restored = self._turned(restored)
        if self.pads > 1:
            scale = restored.size(2) // image.size(2)
            restored = restored[:, :, : scale * height, : scale * width]
        if not self.plain:
            restored = restored * self.made_span + self.made_black
        return (restored, *others) if others else restored

    def _turned(self, image: Tensor) -> Tensor:
        if self.flip == "flip":
            return torch.flip(image, [1])
        return image[:, [2, 1, 0]] if self.flip == "index" else image


def to_onnx(
    module: nn.Module,
    examples: Sequence[Tensor],
    *,
    opset: int = 17,
    dynamo: bool = False,
    fixed: bool = False,
    keep_norms: bool = False,
    weights_as_inputs: bool = False,
    inputs: Sequence[str] = ("input",),
    outputs: Sequence[str] = ("output",),
) -> onnx.ModelProto:
    """Export with one of torch's two exporters.

    Args:
        module: in evaluation mode.
        examples: its inputs, the image first.
        opset: operator set.
        dynamo: with the newer exporter.
        fixed: all sizes as in the examples; else batch, height and width of 4-D tensors are free.
        keep_norms: leave batch normalisation as it is, not folded.
        weights_as_inputs: weights are inputs too, as IR version 3 wants it.
        inputs, outputs: their names.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            return _by_dynamo(module, examples, opset, fixed, inputs, outputs)
        axes = {0: "batch", 2: "height", 3: "width"}
        images = (*inputs[:1], *outputs)  # further inputs are numbers, whose size is what it is
        free = {name: {axis: f"{name}_{size}" for axis, size in axes.items()} for name in images}
        buffer = io.BytesIO()
        torch.onnx.export(
            module,
            tuple(examples),
            buffer,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=opset,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=None if fixed else free,
            training=torch.onnx.TrainingMode.PRESERVE if keep_norms else torch.onnx.TrainingMode.EVAL,
            keep_initializers_as_inputs=weights_as_inputs,
        )
    return onnx.load_from_string(buffer.getvalue())


def _by_dynamo(
    module: nn.Module,
    examples: Sequence[Tensor],
    opset: int,
    fixed: bool,
    inputs: Sequence[str],
    outputs: Sequence[str],
) -> onnx.ModelProto:
    free = {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    program = torch.onnx.export(
        module,
        tuple(examples),
        dynamo=True,
        opset_version=opset,
        input_names=list(inputs),
        output_names=list(outputs),
        dynamic_shapes=None if fixed else (free, *({},) * (len(examples) - 1)),
        verbose=False,
    )
    assert program is not None
    return program.model_proto

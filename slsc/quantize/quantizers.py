"""The quantizers of a network's tensors, each fitted when it is first asked for."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from slsc.onnx_torch import OnnxModule
from slsc.onnx_torch.module import Environment
from slsc.onnx_torch.steps import Step
from slsc.quantize.activations import Quantizer, Reader, fitted
from slsc.search.layers import Layer

WINDOWS, WINDOW_SIDE = 48, 16
"""So many parts of a tensor, of so many pixels a side, decide how it is quantized: small ones of many inputs, since few
inputs hold few of the values that are rare and large."""

STRIDES = (0.618034, 0.754878)
"""Where the next window begins, down and across, as shares of the room there is: they come back to no place soon."""


class Quantizers:
    """How the tensors are quantized that some layers read.

    Args:
        module: the float32 network.
        layers: those layers by weight.
        signed: as `slsc.passes.precision.int8.Grid.signed`.
        photos: so many inputs are photos, those behind them drawn.
        known: those of some tensors, that were fitted before.
    """

    def __init__(
        self,
        module: OnnxModule,
        layers: Mapping[str, Layer],
        signed: bool,
        photos: int,
        known: Mapping[str, Quantizer] | None = None,
    ) -> None:
        self._module, self._signed, self._photos, self._known = module, signed, photos, known or {}
        self._readers: dict[str, list[Reader]] = {}
        self._shared: set[str] = set()
        for layer in layers.values():
            for use in layer.uses:
                self._readers.setdefault(use.step.inputs[0], []).append(Reader(use, module.parameter(layer.name)))
                if len(layer.uses) > 1:
                    self._shared.add(use.step.inputs[0])
        self.found: dict[str, Quantizer] = {}

    def of(self, name: str, x: Tensor) -> Quantizer:
        """That of tensor `name`; `x`, (B, C, H, W), is what it holds."""
        if name not in self.found:
            multiply = name not in self._shared  # one weight cannot undo several factors
            self.found[name] = self._known.get(name) or self._fitted(x, self._readers[name], multiply)
        return self.found[name]

    def _fitted(self, x: Tensor, readers: list[Reader], multiply: bool) -> Quantizer:
        photos, drawn = x[: self._photos], x[self._photos :]
        return fitted(windows(photos), readers, self._signed, multiply, windows(drawn) if len(drawn) else None)


def windows(x: Tensor) -> Tensor:
    """Windows of (B, C, H, W), spread over inputs and places: (WINDOWS, C, h, w), as large as it where that is less."""
    height, width = (min(extent, WINDOW_SIDE) for extent in x.shape[2:])
    found = []
    for index in range(WINDOWS):
        top, left = (
            int(index * stride % 1 * (extent - side + 1))
            for stride, extent, side in zip(STRIDES, x.shape[2:], (height, width), strict=True)
        )
        found.append(x[index % len(x), :, top : top + height, left : left + width])
    return torch.stack(found)


def execute_with(module: OnnxModule, step: Step, values: Environment, given: Tensor) -> None:
    """Run one step with another first input; the tensor stays as it is for others."""
    name = step.inputs[0]
    before, values[name] = values[name], given
    module.execute(step, values)
    if name in values:
        values[name] = before

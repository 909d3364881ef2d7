"""Quantizing a network front to back, each layer fitted to undo what quantizing those before it did.

As pruning does (`slsc.search.oneshot.correction`): two copies run in lockstep, one in float32 and one quantized so far.
A tensor's grid and a layer's weights are fitted on what the quantized copy has made.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping

import numpy as np
import torch
from torch import Tensor

from slsc.onnx_torch import OnnxModule
from slsc.onnx_torch.module import Environment
from slsc.onnx_torch.steps import Step
from slsc.passes.precision.int8 import Grid, Int8Types, RoundedWeight
from slsc.progress import StageProgress
from slsc.quantize.activations import Reader, fitted_grid, on_grid
from slsc.quantize.rounding import round_weight
from slsc.search.layers import Layer, layers_of, read_layer, write_layer
from slsc.search.moments import layer_moments, network_moments
from slsc.search.oneshot.correction import sums_of, target_of

POSITIONS = 40_000
"""Output positions sampled per layer for the fit."""

GRID_IMAGES = 6
"""So many of the inputs decide on grids."""


@torch.inference_mode()
def quantize_in_sequence(
    module: OnnxModule,
    x: Tensor,
    chosen: Collection[str],
    signed: bool,
    seed: int,
    progress: StageProgress,
) -> Int8Types:
    """Integers for the convolutions of `chosen` weights.

    Args:
        module: the float32 network.
        x: (B, C, H, W) calibration inputs in its range.
        chosen: weights to quantize.
        signed: as `Grid.signed`.
        seed: draws positions.
        progress: told after each step.
    """
    return _Sequence(module, x, chosen, signed, seed).run(progress)


class _Sequence:
    def __init__(self, module: OnnxModule, x: Tensor, chosen: Collection[str], signed: bool, seed: int) -> None:
        self._float, self._rounded, self._x, self._signed = module, copy.deepcopy(module), x, signed
        self._generator = torch.Generator().manual_seed(seed)
        layers = layers_of(module)
        self._layers = {name: layers[name] for name in layers if name in chosen}
        self._uses = {use.step: layer for layer in self._layers.values() for use in layer.uses}
        self._sums = sums_of(module)
        self._grids: dict[str, Grid] = {}
        self._weights: dict[str, RoundedWeight] = {}
        self._biases: dict[str, np.ndarray] = {}

    def run(self, progress: StageProgress) -> Int8Types:
        shared = {name: layer for name, layer in self._layers.items() if len(layer.uses) > 1}
        moments = network_moments(self._float, shared, self._x, POSITIONS, self._generator) if shared else {}
        clean, dirty = self._float.start(self._x), self._rounded.start(self._x)
        for done, step in enumerate(self._float.steps):
            self._float.execute(step, clean)
            layer = self._uses.get(step)
            if layer is None:
                self._rounded.execute(step, dirty)
            else:
                self._quantized(step, layer, moments, clean, dirty)
            progress("quantizing", done + 1, len(self._float.steps))
        return Int8Types(self._grids, self._weights, self._biases)

    def _quantized(
        self, step: Step, layer: Layer, moments: Mapping[str, object], clean: Environment, dirty: Environment
    ) -> None:
        name = step.inputs[0]
        before = dirty[name]
        after = on_grid(before, self._grid(name, before))
        if layer.name not in self._weights:
            self._fit(step, layer, moments, after, clean, dirty)
        dirty[name] = after
        self._rounded.execute(step, dirty)
        if name in dirty:
            dirty[name] = before

    def _grid(self, name: str, x: Tensor) -> Grid:
        if name not in self._grids:
            readers = [
                Reader(use, self._rounded.parameter(layer.name))
                for layer in self._layers.values()
                for use in layer.uses
                if use.step.inputs[0] == name
            ]
            self._grids[name] = fitted_grid(x[:GRID_IMAGES], readers, self._signed)
        return self._grids[name]

    def _fit(
        self, step: Step, layer: Layer, moments: Mapping, x: Tensor, clean: Environment, dirty: Environment
    ) -> None:
        target = target_of(step.outputs[0], self._sums, clean, dirty)
        found = moments.get(layer.name) or layer_moments(self._float, layer, x, target, POSITIONS, self._generator)
        weight, bias = read_layer(self._float, layer)
        rounded, bias = round_weight(weight, bias, found, layer.bias is not None)
        self._weights[layer.name] = rounded
        if layer.bias:
            self._biases[layer.bias] = bias
        write_layer(self._rounded, layer, rounded.values, bias)

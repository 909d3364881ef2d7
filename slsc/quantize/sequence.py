"""Quantizing a network front to back, each layer fitted to undo what quantizing those before it did.

As pruning does (`slsc.search.oneshot.correction`): two copies run in lockstep, one in float32 and one quantized so far.
How a tensor is quantized and a layer's weights are fitted on what the quantized copy has made.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping

import numpy as np
import torch

from slsc.onnx_torch import OnnxModule
from slsc.onnx_torch.module import Environment
from slsc.onnx_torch.steps import Step
from slsc.passes.precision.int8 import Int8Types, RoundedWeight
from slsc.progress import StageProgress
from slsc.quantize.activations import Quantizer
from slsc.quantize.calibration import Calibration
from slsc.quantize.quantizers import Quantizers, execute_with
from slsc.quantize.rounding import round_weight
from slsc.search.layers import Layer, layers_of, read_layer, write_layer
from slsc.search.moments import Moments, layer_moments, network_moments
from slsc.search.oneshot.correction import sums_of, target_of

POSITIONS = 16_000
"""Output positions sampled per layer for the fit."""


@torch.inference_mode()
def quantize_in_sequence(
    module: OnnxModule,
    calibration: Calibration,
    chosen: Collection[str],
    signed: bool,
    seed: int,
    progress: StageProgress,
    known: Mapping[str, Quantizer] | None = None,
) -> Int8Types:
    """Integers for the convolutions of `chosen` weights.

    Args:
        module: the float32 network.
        calibration: what they are fitted to.
        chosen: weights to quantize.
        signed: as `slsc.passes.precision.int8.Grid.signed`.
        seed: draws positions.
        progress: told after each step.
        known: how some tensors are quantized, whatever the copy makes of them.
    """
    layers = {name: layer for name, layer in layers_of(module).items() if name in chosen}
    quantizers = Quantizers(module, layers, signed, calibration.photos, known)
    return _Sequence(module, calibration, layers, quantizers, seed).run(progress)


class _Sequence:
    """The two copies on their way."""

    def __init__(
        self,
        module: OnnxModule,
        calibration: Calibration,
        layers: Mapping[str, Layer],
        quantizers: Quantizers,
        seed: int,
    ) -> None:
        self._float, self._rounded = module, copy.deepcopy(module)
        self._x, self._photos = calibration.inputs, calibration.photos
        self._generator = torch.Generator().manual_seed(seed)
        self._layers, self._quantizers = layers, quantizers
        self._uses = {use.step: layer for layer in self._layers.values() for use in layer.uses}
        self._sums = sums_of(module)
        self._weights: dict[str, RoundedWeight] = {}
        self._biases: dict[str, np.ndarray] = {}

    def run(self, progress: StageProgress) -> Int8Types:
        """Go through the network once."""
        shared = {name: layer for name, layer in self._layers.items() if len(layer.uses) > 1}
        moments = self._moments_of(shared) if shared else {}
        clean, dirty = self._float.start(self._x), self._rounded.start(self._x)
        for done, step in enumerate(self._float.steps):
            self._float.execute(step, clean)
            layer = self._uses.get(step)
            if layer is None:
                self._rounded.execute(step, dirty)
            else:
                self._quantize(step, layer, moments.get(layer.name), clean, dirty)
            progress("quantizing", done + 1, len(self._float.steps))
        found = self._quantizers.found
        factors = {name: each.factor.numpy() for name, each in found.items() if each.factor is not None}
        grids = {name: each.grid for name, each in found.items()}
        return Int8Types(grids, self._weights, self._biases, factors)

    def _moments_of(self, shared: Mapping[str, Layer]) -> dict[str, Moments]:
        return network_moments(self._float, shared, self._x[: self._photos], POSITIONS, self._generator)

    def _quantize(
        self, step: Step, layer: Layer, shared: Moments | None, clean: Environment, dirty: Environment
    ) -> None:
        name = step.inputs[0]
        quantizer = self._quantizers.of(name, dirty[name])
        given = quantizer(dirty[name])
        if layer.name not in self._weights:
            target, photos = target_of(step.outputs[0], self._sums, clean, dirty), slice(self._photos)
            moments = shared or layer_moments(
                self._float, layer, given[photos], target[photos], POSITIONS, self._generator
            )
            self._fit(layer, moments, quantizer)
        execute_with(self._rounded, step, dirty, given)

    def _fit(self, layer: Layer, moments: Moments, quantizer: Quantizer) -> None:
        weight, bias = read_layer(self._float, layer)
        divided = quantizer.divided(torch.from_numpy(weight), layer.uses[0].groups).numpy()
        rounded, bias = round_weight(divided, bias, moments, layer.bias is not None)
        self._weights[layer.name] = rounded
        if layer.bias:
            self._biases[layer.bias] = bias
        write_layer(self._rounded, layer, rounded.values, bias)

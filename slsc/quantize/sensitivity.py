"""Measured sensitivity: how much the network's output suffers when one layer alone computes in 8 bits."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from slsc.onnx_torch import OnnxModule
from slsc.onnx_torch.module import Environment
from slsc.progress import StageProgress
from slsc.quantize.activations import Quantizer
from slsc.quantize.calibration import Calibration
from slsc.quantize.quantizers import Quantizers, execute_with
from slsc.quantize.rounding import nearest
from slsc.search.layers import Layer, layers_of, read_layer, write_layer

SENSITIVITY_IMAGES = 6
"""So many of the inputs tell how sensitive layers are."""


@torch.inference_mode()
def measure_rises(
    module: OnnxModule, calibration: Calibration, chosen: Collection[str], signed: bool, progress: StageProgress
) -> tuple[dict[str, float], dict[str, Quantizer]]:
    """Mean squared change of the output by layer, weights rounded to nearest; and how tensors were quantized for it.

    Args:
        module: the float32 network; its weights are exchanged during the call and back at its end.
        calibration: all inputs tell how tensors are quantized, the first `SENSITIVITY_IMAGES` what that does to the
            output.
        chosen: weights of the layers.
        signed: as `slsc.passes.precision.int8.Grid.signed`.
        progress: told after each layer.
    """
    layers = {name: layer for name, layer in layers_of(module).items() if name in chosen}
    first = {layer.uses[0].step: layer for layer in layers.values()}
    quantizers = Quantizers(module, layers, signed, calibration.photos)
    x = calibration.inputs
    few = x[: min(SENSITIVITY_IMAGES, calibration.photos)]
    reference, values, every = module(few), module.start(few), module.start(x)
    rises: dict[str, float] = {}
    for index, step in enumerate(module.steps):
        layer = first.get(step)
        if layer:
            quantizers.of(step.inputs[0], every[step.inputs[0]])
            output = _with_one_quantized(module, layer, index, values, quantizers)
            rises[layer.name] = float((output - reference).square().mean())
            progress("measuring sensitivity", len(rises), len(layers))
        module.execute(step, values)
        module.execute(step, every)
    return rises, quantizers.found


def _with_one_quantized(
    module: OnnxModule, layer: Layer, index: int, values: Environment, quantizers: Quantizers
) -> Tensor:
    """The output with one layer quantized, running on from step `index`, its first use."""
    weight, bias = read_layer(module, layer)
    name, uses = layer.uses[0].step.inputs[0], {use.step for use in layer.uses}
    divided = quantizers.of(name, values[name]).divided(torch.from_numpy(weight), layer.uses[0].groups)
    branch = dict(values)
    try:
        for step in module.steps[index:]:
            if step not in uses:
                module.execute(step, branch)
                continue
            given = quantizers.of(step.inputs[0], branch[step.inputs[0]])(branch[step.inputs[0]])
            write_layer(module, layer, nearest(divided.numpy()).values, bias)
            execute_with(module, step, branch, given)
    finally:
        write_layer(module, layer, weight, bias)
    return branch[module.output_name]

"""Quantization as it is commonly done, without correction: what the rest of this package is measured against."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from slsc.onnx_torch import OnnxModule
from slsc.passes.precision.int8 import Grid, Int8Types
from slsc.quantize.activations import range_grid
from slsc.quantize.rounding import nearest
from slsc.search.layers import layers_of


@torch.inference_mode()
def quantize_naively(module: OnnxModule, x: Tensor, chosen: Collection[str], signed: bool) -> Int8Types:
    """Integers for the convolutions of `chosen` weights: tensors by least and greatest value, weights to nearest.

    Args:
        module: the float32 network.
        x: (B, C, H, W) calibration inputs in its range.
        chosen: weights to quantize.
        signed: as `Grid.signed`.
    """
    layers = layers_of(module)
    wanted = {use.step.inputs[0] for name in chosen for use in layers[name].uses}
    grids: dict[str, Grid] = {}
    values = module.start(x)
    for step in module.steps:
        for name in wanted.intersection(step.inputs) - grids.keys():
            grids[name] = range_grid(float(values[name].min()), float(values[name].max()), signed)
        module.execute(step, values)
    return Int8Types(grids, {name: nearest(module.parameter(name).detach().numpy()) for name in chosen}, {})

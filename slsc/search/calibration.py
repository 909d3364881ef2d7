"""How many photos weights are fitted on: patches enough for every layer of a network."""

from __future__ import annotations

import math

import onnx
from torch import Tensor

from slsc.passes.analysis.cost import costs, output_scale
from slsc.passes.graph import takes_one_image
from slsc.search.inputs import PatchSource

CALIBRATION_PATCHES, CALIBRATION_SIDE = 48, 48
CALIBRATION_PIXELS = CALIBRATION_PATCHES * CALIBRATION_SIDE**2
"""As many are taken of networks of one size, and of those that take one image at a time."""

POSITIONS, MOST_PIXELS = 12, 4 * CALIBRATION_PIXELS
"""Output positions that a layer should be fitted on for each input that an output has, so that it fits photos and not
patches: layers deep in a U have few in a patch. More pixels are taken for it, up to so many."""

GLOBAL = 1 / 256
"""Of a layer with fewer positions an input pixel nothing is asked: it sees the image as a whole."""


def calibration_inputs(model: onnx.ModelProto, source: PatchSource, seed: int) -> Tensor:
    """Inputs to fit weights on, (B, C, H, W) in the network's range; the same `seed` gives the same."""
    side = source.side(CALIBRATION_SIDE)
    pixels = _wanted_pixels(model, side)
    if takes_one_image(model):
        return source.draw(1, source.side(math.isqrt(pixels)), (seed, 0))[0]
    count = max(2, pixels // max(CALIBRATION_SIDE, side) ** 2)
    return source.draw(count, side, (seed, 0))[0]


def _wanted_pixels(model: onnx.ModelProto, side: int) -> int:
    """Input pixels with which patches of `side` give every layer enough positions, within limits."""
    patch = int(side * output_scale(model))
    cost = costs(model, (patch, patch))
    pixels = math.prod(cost.input_hw)
    wanted = (
        POSITIONS * (math.prod(layer.shape[1:]) + 1) * pixels // layer.positions
        for layer in cost.layers
        if layer.prunable and layer.positions >= GLOBAL * pixels
    )
    return min(max([CALIBRATION_PIXELS, *wanted]), MOST_PIXELS)

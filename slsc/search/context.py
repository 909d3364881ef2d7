"""A network under search, and what is drawn or measured once for all methods and budgets."""

from __future__ import annotations

import math
from functools import cached_property

import onnx
from torch import Tensor

from slsc.passes.analysis.cost import costs, output_scale
from slsc.passes.graph import takes_one_image
from slsc.progress import StageProgress
from slsc.search.base import Rules, SearchNetwork
from slsc.search.inputs import PatchSource
from slsc.search.oneshot.oneshot import OneShot

CALIBRATION_PATCHES, CALIBRATION_SIDE = 48, 48
CALIBRATION_PIXELS = CALIBRATION_PATCHES * CALIBRATION_SIDE**2
"""As many are taken of networks of one size, and of those that take one image at a time."""

POSITIONS, MOST_PIXELS = 12, 4 * CALIBRATION_PIXELS
"""Output positions that a layer should be fitted on for each input that an output has, so that it fits photos and not
patches: layers deep in a U have few in a patch. More pixels are taken for it, up to so many."""

GLOBAL = 1 / 256
"""Of a layer with fewer positions an input pixel nothing is asked: it sees the image as a whole."""


class SearchContext:
    """What a method finds its network from.

    Args:
        network: the dense network.
        source: of calibration inputs.
        rules: group size and mask rule.
        seed: draws patches and positions.
        progress: told as work proceeds.
    """

    def __init__(
        self, network: SearchNetwork, source: PatchSource, rules: Rules, seed: int, progress: StageProgress
    ) -> None:
        self.network, self.rules, self.seed, self.progress = network, rules, seed, progress
        self._source = source

    @cached_property
    def inputs(self) -> Tensor:
        """Calibration inputs, (B, C, H, W) in the network's range."""
        return calibration_inputs(self.network.model, self._source, self.seed)

    @cached_property
    def oneshot(self) -> OneShot:
        """Pruning in closed form, its sensitivity measured at most once."""
        return OneShot(self.network, self.inputs, self.rules, self.seed, self.progress)


def calibration_inputs(model: onnx.ModelProto, source: PatchSource, seed: int) -> Tensor:
    """Inputs to fit weights on, (B, C, H, W) in the network's range; the same `seed` gives the same."""
    pixels = _wanted_pixels(model, source.side(CALIBRATION_SIDE))
    if takes_one_image(model):
        count, side = 1, source.side(math.isqrt(pixels))
    else:
        side = source.side(CALIBRATION_SIDE)
        count = max(2, min(pixels // CALIBRATION_SIDE**2, pixels // side**2))
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

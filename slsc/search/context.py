"""A network under search, and what is drawn or measured once for all methods and budgets."""

from __future__ import annotations

import math
from functools import cached_property

import onnx
from torch import Tensor

from slsc.passes.graph import takes_one_image
from slsc.progress import StageProgress
from slsc.search.base import Rules, SearchNetwork
from slsc.search.inputs import PatchSource
from slsc.search.oneshot.oneshot import OneShot

CALIBRATION_PATCHES, CALIBRATION_SIDE = 48, 48
CALIBRATION_PIXELS = CALIBRATION_PATCHES * CALIBRATION_SIDE**2
"""As many are taken of networks of one size, and of those that take one image at a time."""


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
    if takes_one_image(model):
        count, side = 1, source.side(math.isqrt(CALIBRATION_PIXELS))
    else:
        side = source.side(CALIBRATION_SIDE)
        count = max(2, min(CALIBRATION_PATCHES, CALIBRATION_PIXELS // side**2))
    return source.draw(count, side, (seed, 0))[0]

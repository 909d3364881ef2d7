"""A network under search, and what is drawn or measured once for all methods and budgets."""

from __future__ import annotations

from functools import cached_property

from torch import Tensor

from slsc.progress import StageProgress
from slsc.search.base import Rules, SearchNetwork
from slsc.search.calibration import calibration_inputs
from slsc.search.inputs import PatchSource
from slsc.search.oneshot.oneshot import OneShot


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

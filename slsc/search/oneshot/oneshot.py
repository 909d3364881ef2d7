"""`oneshot`: layer-wise N:M without training, in closed form from calibration inputs."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from slsc.onnx_torch import OnnxModule
from slsc.progress import StageProgress
from slsc.search.base import Rules, SearchNetwork, SearchResult, make_plan
from slsc.search.device_profile import DeviceProfile, FrontierPoint, require_reachable
from slsc.search.layers import Layer, layers_of
from slsc.search.moments import Moments, network_moments
from slsc.search.oneshot.allocation import (
    ErrorCurve,
    allocate,
    mac_costs,
    predicted_error,
    time_costs,
)
from slsc.search.oneshot.correction import prune_in_sequence
from slsc.search.oneshot.sensitivity import measure_sensitivity

SENSITIVITY_POSITIONS = 12_000
"""Output positions sampled per layer for the error curves."""

CORRECTION_POSITIONS = 60_000
"""Output positions sampled per layer for the final fit."""

SENSITIVITY_PIXELS = 20_000
"""Input pixels of the calibration batch on which output errors are measured."""


class OneShot:
    """Sensitivity of one network, measured once, and closed-form pruning to any budget.

    Args:
        network: the dense model.
        x: (B, C, H, W) calibration inputs in the network's range.
        rules: group size and mask rule.
        seed: draws the sampled positions.
        progress: told as work proceeds.
    """

    def __init__(self, network: SearchNetwork, x: Tensor, rules: Rules, seed: int, progress: StageProgress) -> None:
        self._network, self._x, self._rules, self._seed, self._progress = network, x, rules, seed, progress
        self._dense = OnnxModule(network.model).eval()
        every = layers_of(self._dense)
        self._layers: dict[str, Layer] = {layer.name: every[layer.name] for layer in network.layers}

    def prune(self, budget: Fraction) -> SearchResult:
        """Allocate N within `budget`, then prune and correct front to back.

        Raises:
            BudgetError: even N = 1 in every layer exceeds the budget.
        """
        self._network.require_reachable(budget, self._rules.m)
        if budget >= 1:
            keep = dict.fromkeys(self._layers, self._rules.m)
        else:
            costs = mac_costs(self._network, self._curves, self._rules.m)
            keep = allocate(self._curves, costs, budget * self._network.cost.prunable_macs)
        return self.prune_to(keep, budget, "oneshot")

    def prune_within(self, latency: float, profile: DeviceProfile) -> SearchResult:
        """As `prune`, within a time in milliseconds that `profile` predicts.

        Raises:
            BudgetError: no choice of N is that fast; names the least time.
        """
        keep = self._best_within(latency, profile)
        # A share of MACs is what a plan's budget is of: the one that this comes to, rounded up.
        share = Fraction(math.ceil(self._network.share(keep, self._rules.m) * 10**4), 10**4)
        return self.prune_to(keep, share, "oneshot")

    def frontier(self, profile: DeviceProfile, count: int) -> list[FrontierPoint]:
        """What latencies between the least one and that of the dense network buy, evenly in ratio."""
        latencies = np.geomspace(profile.least(), profile.most(), count)
        return [self._point(self._best_within(latency, profile), profile) for latency in latencies.tolist()]

    def _best_within(self, latency: float, profile: DeviceProfile) -> dict[str, int]:
        require_reachable(latency, profile)
        return allocate(self._curves, time_costs(profile, self._curves), latency - profile.rest)

    def _point(self, keep: Mapping[str, int], profile: DeviceProfile) -> FrontierPoint:
        share = float(self._network.share(keep, self._rules.m))
        return FrontierPoint(profile.predict(keep), share, predicted_error(self._curves, keep))

    def prune_to(self, keep: Mapping[str, int], budget: Fraction, method: str) -> SearchResult:
        """Prune to a given N by layer, and correct front to back; `budget` and `method` are what the plan says.

        Where all is kept there is nothing to correct either, and no photo is looked at.
        """
        if all(n >= self._rules.m for n in keep.values()):
            masks = {name: np.ones(self._dense.parameter(name).shape, bool) for name in keep}
            return SearchResult(make_plan(self._network, keep, masks, self._rules, budget, method), {}, masks)
        pruned = copy.deepcopy(self._dense)
        masks = prune_in_sequence(
            self._dense,
            pruned,
            self._x,
            keep,
            self._rules,
            self._shared,
            CORRECTION_POSITIONS,
            self._generator(),
            self._progress,
        )
        plan = make_plan(self._network, keep, masks, self._rules, budget, method)
        return SearchResult(plan, changed_parameters(self._dense, pruned), masks)

    @cached_property
    def _moments(self) -> Mapping[str, Moments]:
        return network_moments(self._dense, self._layers, self._x, SENSITIVITY_POSITIONS, self._generator())

    @cached_property
    def _curves(self) -> Mapping[str, ErrorCurve]:
        height, width = self._x.shape[2:]
        few = self._x[: max(1, SENSITIVITY_PIXELS // (height * width))]
        return measure_sensitivity(self._dense, few, self._layers, self._moments, self._rules, self._progress)

    @property
    def _shared(self) -> dict[str, Moments]:
        return {name: self._moments[name] for name, layer in self._layers.items() if len(layer.uses) > 1}

    def _generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self._seed)


def changed_parameters(before: OnnxModule, after: OnnxModule) -> dict[str, np.ndarray]:
    """The parameters that differ between a network and its copy, by initializer name."""
    names = before.parameter_names()
    return {
        name: after.parameter(name).detach().numpy().copy()
        for name in names
        if not torch.equal(before.parameter(name), after.parameter(name))
    }

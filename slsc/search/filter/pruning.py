"""The `filter` method: the channels of the weakest filters removed, and perhaps the rest fitted to make up for them."""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property

import numpy as np
import onnx
from torch import Tensor

from slsc.passes.analysis.layers import conv_layers
from slsc.passes.base import PassContext
from slsc.passes.narrowing import NarrowChannels, follow_channels
from slsc.passes.pipeline import Pipeline
from slsc.passes.weights import weight_values
from slsc.plan import LayerPlan, Plan, mask_digest
from slsc.progress import StageProgress
from slsc.search.base import Rules, SearchNetwork, SearchResult
from slsc.search.filter.choice import WidthChoice, filter_norms
from slsc.search.filter.refit import refit


class FilterPruning:
    """L1-norm filter pruning of one network to any budget.

    As in the SLS paper's comparison every hidden width shrinks by one factor. Channels that are added, or otherwise
    tied, are ranked and removed together; see `slsc.passes.narrowing`.

    Args:
        network: the dense model.
        rules: the plan's group size and rule; nothing within a layer is pruned.
        seed: draws the positions the refit is sampled at.
        progress: told as work proceeds.
    """

    def __init__(self, network: SearchNetwork, rules: Rules, seed: int, progress: StageProgress) -> None:
        self._network, self._rules, self._seed, self._progress = network, rules, seed, progress

    def require_reachable(self, budget: Fraction) -> None:
        """Refuse a budget that `prune` could not meet.

        Raises:
            BudgetError: as `prune`.
            ModelError: as `prune`.
        """
        self._choice.require_reachable(budget)

    def prune(self, budget: Fraction, inputs: Tensor | None) -> SearchResult:
        """The widest network within `budget`.

        Args:
            budget: kept / dense MACs over the prunable layers, at most.
            inputs: (B, C, H, W) calibration inputs in the network's range to fit the remaining weights on, front to
                back, in closed form; None leaves them as they are.

        Returns:
            The narrow network as `model`; its plan is dense, but tells the share that is left.

        Raises:
            BudgetError: one channel in every width exceeds the budget.
            ModelError: no channel can be removed.
        """
        keep, share = self._choice.within(budget)
        model, channels = self._network.model, self._choice.channels
        if inputs is not None:
            model = refit(model, channels, keep, inputs, self._seed, self._progress)
        narrow = Pipeline([NarrowChannels(channels, keep)]).run(model, PassContext()).model
        return dense_result(narrow, self._rules, budget, share)

    @cached_property
    def _choice(self) -> WidthChoice:
        channels = follow_channels(self._network.model)
        return WidthChoice(channels, self._network.cost, filter_norms(channels, weight_values(self._network.model)))


def dense_result(model: onnx.ModelProto, rules: Rules, budget: Fraction, share: Fraction) -> SearchResult:
    """A narrow network as a search's result: N = M in every layer, and the share of the whole network it costs."""
    masks = {layer.name: np.ones(layer.shape, np.bool_) for layer in conv_layers(model) if layer.prunable}
    layers = (LayerPlan(name, rules.m, rules.m, rules.rule, mask_digest(mask)) for name, mask in masks.items())
    return SearchResult(Plan(tuple(layers), str(budget), float(share), "filter"), {}, masks, model)

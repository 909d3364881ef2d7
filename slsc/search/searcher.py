"""The front door of the search: one network, any number of budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property

import onnx
from torch import Tensor

from slsc.data.patches import Pair
from slsc.errors import UsageError
from slsc.onnx_torch import OnnxModule
from slsc.progress import StageProgress
from slsc.runtime.bundle.manifest import ImageIO
from slsc.search.base import Rules, SearchNetwork, SearchResult
from slsc.search.efforts import EFFORTS, TRAINING
from slsc.search.filter import FilterPruning
from slsc.search.finetune import finetune, learn
from slsc.search.inputs import PatchSource
from slsc.search.oneshot.oneshot import OneShot
from slsc.search.recipes import LEARNED, learned_recipe
from slsc.search.sls.settings import SlsSettings, sls_preset
from slsc.search.uniform import prune_uniform, uniform_keep
from slsc.trainer.loop import Batches
from slsc.trainer.settings import TrainSettings

METHODS = ("oneshot", "uniform", "filter", "sls", "sr-ste")
STARTS = ("dense", "oneshot")
"""Weights that training begins with: the dense network's, or those fitted in closed form to what is left of it."""

COST_HW = (720, 1280)
"""Output size at which MACs are counted; budgets are shares, so it does not move them."""

CALIBRATION_PATCHES, CALIBRATION_SIDE = 24, 64
FINETUNE_SIDE = 32


class Searcher:
    """Searches N:M plans for one network.

    Args:
        model: the dense network, after the import passes.
        io: how pixels enter and leave it.
        pairs: (input, wanted output) images; see `slsc.search.inputs.PatchSource`.
        labelled: whether to train on the wanted outputs, as ground truth; else the dense network teaches.
        rules: group size and mask rule.
        seed: draws patches and positions.
        progress: told as work proceeds.

    Raises:
        ModelError: the network has no prunable layer.
        DataError: the images are too small.
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        io: ImageIO,
        pairs: Sequence[Pair],
        *,
        labelled: bool,
        rules: Rules,
        seed: int,
        progress: StageProgress,
    ) -> None:
        self.network = SearchNetwork.of(model, COST_HW)
        self._source, self._io, self._labelled = PatchSource(pairs, io), io, labelled
        self._rules, self._seed, self._progress = rules, seed, progress

    def require_reachable(self, budget: Fraction, method: str) -> None:
        """Refuse at once a budget that `search` could not meet.

        Raises:
            BudgetError: names the nearest that can be reached; exit code 3.
            ModelError: `filter` finds no channel to remove.
        """
        if method == "filter":
            self._filter.require_reachable(budget)
        else:
            self.network.require_reachable(budget, self._rules.m)

    def search(
        self, budget: Fraction, method: str, effort: str, start: str = STARTS[0], sls: SlsSettings | None = None
    ) -> SearchResult:
        """A plan within `budget` and the weights for it.

        Args:
            budget: kept / dense MACs over the prunable layers, at most.
            method: one of `METHODS`.
            effort: `none` takes the search's weights as they are, `fast` trains for minutes, `thorough` for hours.
            start: one of `STARTS`; `oneshot` as a method makes its own weights.
            sls: how `sls` learns N; None for the preset that goes with the effort.

        Raises:
            BudgetError: the budget cannot be reached, and names the nearest that can; or `sls` did not meet it in time.
            UsageError: an unknown name, or a method that is nothing without training is given none.
        """
        if method not in METHODS or effort not in EFFORTS or start not in STARTS:
            raise UsageError(
                f"unknown method {method!r}, effort {effort!r} or start {start!r}",
                hint=f"methods: {', '.join(METHODS)}; efforts: {', '.join(EFFORTS)}; starts: {', '.join(STARTS)}",
            )
        if method in LEARNED:
            return self._learned(budget, method, effort, start, sls)
        found = self._found(budget, method, start)
        if effort == "none":
            return found
        settings, batches = self._training(effort)
        return finetune(self.network.model, found, batches, self._labelled, settings, self._progress)

    def _found(self, budget: Fraction, method: str, start: str) -> SearchResult:
        if method == "filter":
            return self._filter.prune(budget, self._inputs if start == "oneshot" else None)
        if method == "uniform" and start == "oneshot":
            return self._oneshot.prune_to(uniform_keep(self.network, budget, self._rules.m), budget, method)
        if method == "uniform":
            return prune_uniform(self.network, budget, self._rules)
        return self._oneshot.prune(budget)

    @cached_property
    def _inputs(self) -> Tensor:
        """Calibration inputs."""
        return self._source.draw(CALIBRATION_PATCHES, self._source.side(CALIBRATION_SIDE), (self._seed, 0))[0]

    @cached_property
    def _filter(self) -> FilterPruning:
        return FilterPruning(self.network, self._rules, self._seed, self._progress)

    @cached_property
    def _oneshot(self) -> OneShot:
        return OneShot(self.network, self._inputs, self._rules, self._seed, self._progress)

    def _learned(self, budget: Fraction, method: str, effort: str, start: str, sls: SlsSettings | None) -> SearchResult:
        if effort not in TRAINING:
            raise UsageError(
                f"--method {method} is training", why=f"--effort {effort} has none", hint="use --effort fast"
            )
        recipe = learned_recipe(
            method,
            self.network,
            OnnxModule(self.network.model),
            budget,
            self._rules,
            sls or sls_preset(effort),
            self._source.side(FINETUNE_SIDE) ** 2,
            None if start == "dense" else self._found,
        )
        settings, batches = self._training(effort)
        return learn(self.network.model, recipe, batches, self._labelled, settings, self._progress)

    def _training(self, effort: str) -> tuple[TrainSettings, Batches]:
        settings = replace(TRAINING[effort], seed=self._seed, value_range=self._io.high - self._io.low)
        return settings, self._source.batches(self._source.side(FINETUNE_SIDE), (self._seed, 1))

"""The front door of the search: one network, any number of budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property

import onnx

from slsc.data.patches import Pair
from slsc.errors import UsageError
from slsc.passes.cost import costs
from slsc.passes.layers import prunable_layers
from slsc.runtime.manifest import ImageIO
from slsc.search.base import Network, Progress, Rules, SearchResult
from slsc.search.finetune import finetune
from slsc.search.inputs import PatchSource
from slsc.search.oneshot import OneShot
from slsc.search.uniform import prune_uniform
from slsc.train.schedule import Horizon, Schedule
from slsc.train.settings import TrainSettings

METHODS = ("oneshot", "uniform")
EFFORTS = ("none", "fast")

COST_HW = (720, 1280)
"""Output size at which MACs are counted; budgets are shares, so it does not move them."""

CALIBRATION_PATCHES, CALIBRATION_SIDE = 24, 64
FINETUNE_SIDE = 32
FAST = TrainSettings(Horizon(steps=1200, seconds=480.0), batch=8, schedule=Schedule(1e-3, warmup=0))
"""`--effort fast`: done within ten minutes on two cores, the search included."""


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
        progress: Progress,
    ) -> None:
        self.network = Network(model, tuple(prunable_layers(model)), costs(model, COST_HW))
        self._source, self._io, self._labelled = PatchSource(pairs, io), io, labelled
        self._rules, self._seed, self._progress = rules, seed, progress

    def search(self, budget: Fraction, method: str, effort: str) -> SearchResult:
        """A plan within `budget` and the weights for it.

        Args:
            budget: kept / dense MACs over the prunable layers, at most.
            method: one of `METHODS`.
            effort: `none` takes the search's weights as they are, `fast` finetunes them for minutes.

        Raises:
            BudgetError: the budget cannot be reached; names the nearest that can.
        """
        if method not in METHODS or effort not in EFFORTS:
            raise UsageError(
                f"unknown method {method!r} or effort {effort!r}",
                hint=f"methods: {', '.join(METHODS)}; efforts: {', '.join(EFFORTS)}",
            )
        uniform = method == "uniform"
        found = prune_uniform(self.network, budget, self._rules) if uniform else self._oneshot.prune(budget)
        return found if effort == "none" else self._finetuned(found)

    @cached_property
    def _oneshot(self) -> OneShot:
        side = self._source.side(CALIBRATION_SIDE)
        inputs, _ = self._source.draw(CALIBRATION_PATCHES, side, (self._seed, 0))
        return OneShot(self.network, inputs, self._rules, self._seed, self._progress)

    def _finetuned(self, start: SearchResult) -> SearchResult:
        side = self._source.side(FINETUNE_SIDE)
        settings = replace(FAST, seed=self._seed, value_range=self._io.high - self._io.low)
        batches = self._source.batches(side, (self._seed, 1))
        return finetune(self.network.model, start, batches, self._labelled, settings, self._progress)

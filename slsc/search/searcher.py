"""The front door of the search: one network, any number of budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import onnx

from slsc.data.patches import Pair
from slsc.errors import UsageError
from slsc.methods import METHODS, SPARSE, STARTS, method_of
from slsc.onnx_torch import OnnxModule
from slsc.passes.analysis.cost import Cost
from slsc.plan import parse_budget
from slsc.progress import StageProgress
from slsc.runtime.bundle.manifest import ImageIO
from slsc.search.base import Rules, SearchNetwork, SearchResult
from slsc.search.context import SearchContext
from slsc.search.device_profile import DeviceProfile, FrontierPoint
from slsc.search.effort import Effort
from slsc.search.finetune import finetune, learn
from slsc.search.inputs import PatchSource
from slsc.search.lesson import SIDE, Lesson
from slsc.search.masked import MaskedRecipe
from slsc.search.method import SparseTask
from slsc.search.sparse_methods import SPARSE_METHODS

FRONTIER_POINTS = 8


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
        cost: of the model, where budgets count it otherwise than `slsc.passes.analysis.cost` does.

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
        cost: Cost | None = None,
    ) -> None:
        self._source, self._io, self._labelled = PatchSource(pairs, io), io, labelled
        network = SearchNetwork.of(model)
        if cost is not None:
            network = replace(network, cost=cost)
        self._context = SearchContext(network, self._source, rules, seed, progress)

    def require_reachable(self, budget: Fraction, method: str) -> None:
        """Refuse at once a budget that `search` could not meet.

        Raises:
            BudgetError: names the nearest that can be reached; exit code 3.
            ModelError: `filter` finds no channel to remove.
            UsageError: an unknown method.
        """
        SPARSE_METHODS[method_of(method, SPARSE).name].require_reachable(self._context, budget)

    def search(self, budget: Fraction, method: str, effort: Effort | None, start: str = STARTS[0]) -> SearchResult:
        """A plan within `budget` and the weights for it.

        Args:
            budget: kept / dense MACs over the prunable layers, at most.
            method: one of `slsc.methods.SPARSE`.
            effort: how to train; None takes the weights as they are found.
            start: one of `slsc.methods.STARTS`.

        Raises:
            BudgetError: the budget cannot be reached, and names the nearest that can; or was not met in time.
            UsageError: an unknown name, or a method that is nothing without training is given none.
        """
        needs_training = method_of(method, SPARSE).needs_training
        if start not in STARTS:
            raise UsageError(f"unknown start {start!r}", hint=f"use one of {', '.join(STARTS)}")
        if effort is None and needs_training:
            raise UsageError(f"--method {method} is training", why="--effort none has none", hint="use --effort fast")
        found = SPARSE_METHODS[method].find(self._context, budget, start)
        if effort is None:
            assert found is not None
            return found
        if found is not None and budget >= 1 and not (self._labelled or needs_training):
            return found  # a network has nothing to learn from itself
        return self._trained(budget, method, effort, found)

    def search_nested(
        self, budgets: Sequence[Fraction], method: str, effort: Effort | None, average: Fraction | None
    ) -> SearchResult:
        """Nested networks in one set of weights, the plan of the largest, and what tells which one a region is given.

        Args:
            budgets: two at least, each once.
            method: one that classifies.
            effort: how to train.
            average: what the average region is to cost; None for the mean of the networks'.

        Raises:
            BudgetError: a budget cannot be reached, and names the nearest that can.
            UsageError: budgets or average do not go together, or there is no training.
        """
        *within, budget = sorted(budgets)
        if effort is None:
            raise UsageError(f"--method {method} is training", why="--effort none has none", hint="use --effort fast")
        self._context.network.require_reachable(min(budgets), self._context.rules.m)
        return self._trained(budget, method, effort, None, tuple(within), average)

    def search_within(self, latency: float, profile: DeviceProfile, effort: Effort | None) -> SearchResult:
        """As `search` by the method `oneshot`, within a time in milliseconds that `profile` predicts.

        Raises:
            BudgetError: no choice of N is that fast; names the least time; exit code 3.
        """
        found = self._context.oneshot.prune_within(latency, profile)
        return found if effort is None else self._trained(parse_budget(found.plan.budget), "oneshot", effort, found)

    def frontier(self, profile: DeviceProfile) -> list[FrontierPoint]:
        """What latencies between the least one and that of the dense network buy."""
        return self._context.oneshot.frontier(profile, FRONTIER_POINTS)

    def _trained(
        self,
        budget: Fraction,
        method: str,
        effort: Effort,
        found: SearchResult | None,
        within: tuple[Fraction, ...] = (),
        average: Fraction | None = None,
    ) -> SearchResult:
        context, side = self._context, self._source.side(SIDE)
        dense = context.network.model
        span = self._io.output_range.mean_span
        task = SparseTask(
            context.network, budget, context.rules, side**2, effort.sls, span, within, (), average, self._io
        )
        module = OnnxModule(dense if found is None or found.model is None else found.model)
        recipe = SPARSE_METHODS[method].recipe(task, module, found)
        seed, training = (context.seed, 1), effort.training
        lesson = Lesson.of(dense, self._source, self._io, training, labelled=self._labelled, seed=seed)
        if found is None or METHODS[method].needs_training:
            return learn(recipe, lesson, context.progress)
        assert isinstance(recipe, MaskedRecipe)
        return finetune(recipe, found, lesson, context.progress)

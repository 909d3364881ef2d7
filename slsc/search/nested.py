"""Nested N:M networks in one set of weights: the dynamic N:M pruning of ClassPruning (Zhou et al., 2022).

The paper's abstract is all that is public of its training. What is done here, and where it is from: subnetworks keep
the N largest weights of every group, so that a smaller one's mask lies within a larger one's; every step trains the
largest, the smallest and one between (the sandwich rule of slimmable networks, Yu and Huang, ICCV 2019), the smaller
ones on what the largest puts out (in-place distillation, ibid.); what the largest prunes decays as in SR-STE.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from slsc.errors import PlanError, UsageError
from slsc.onnx_torch import OnnxModule
from slsc.plan import Plan
from slsc.search.base import Rules, SearchNetwork, SearchResult, make_plan
from slsc.search.context import SearchContext
from slsc.search.masked import masked_weights
from slsc.search.method import SparseMethod, SparseTask
from slsc.search.ranking import limits, rank_weights
from slsc.search.srste import decaying
from slsc.search.uniform import uniform_keep
from slsc.trainer.recipe import DenseRecipe

METHOD = "nested"


class NestedNetwork(nn.Module):
    """Runs one set of weights as networks of several N, the N largest of every group chosen anew at each pass.

    Args:
        module: the weights; trained in place.
        keeps: N by layer of every network, the largest network last.
        rules: group size and mask rule.
    """

    def __init__(self, module: OnnxModule, keeps: Sequence[Mapping[str, int]], rules: Rules) -> None:
        super().__init__()
        self.network, self.keeps = module, [dict(keep) for keep in keeps]
        self.between = 0
        """Which of the networks between the smallest and the largest takes part in a training pass."""
        self.disagreement: Tensor | None = None
        """Mean L1 from the largest network's output to the smaller ones', of the last training pass."""
        self._rules = rules
        for network, keep in enumerate(self.keeps):
            for layer, (name, n) in enumerate(keep.items()):
                shape = module.parameter(name).shape
                self.register_buffer(_limits(network, layer), limits(shape[1], n, rules, len(shape)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """The restored image for `x`, (B, C, H, W) in the network's range.

        The largest network's, which the smaller ones are compared to; in evaluation the smallest's, which has most to
        learn.
        """
        if not self.training:
            return self._restored(x, self._ranks(), 0)
        largest, smaller = self.passes(x)
        target = largest.detach()
        self.disagreement = torch.stack([F.l1_loss(restored, target) for restored in smaller.values()]).mean()
        return largest

    def passes(self, x: Tensor) -> tuple[Tensor, dict[int, Tensor]]:
        """What a training pass makes of `x`: the largest network's image, and by index those of the smaller ones."""
        ranks = self._ranks()
        weights = {name: decaying(self.network.parameter(name), mask) for name, mask in self._masks(ranks, -1).items()}
        largest: Tensor = self.network(x, weights)
        return largest, {index: self._restored(x, ranks, index) for index in sorted({0, self.between})}

    def masks(self, network: int) -> dict[str, Tensor]:
        """What a network keeps of the weights as they are: bool, by layer."""
        return self._masks(self._ranks(), network)

    def _restored(self, x: Tensor, ranks: Mapping[str, Tensor], network: int) -> Tensor:
        masks = self._masks(ranks, network)
        restored: Tensor = self.network(x, {name: self.network.parameter(name) * mask for name, mask in masks.items()})
        return restored

    def _ranks(self) -> dict[str, Tensor]:
        return {name: rank_weights(self.network.parameter(name), self._rules) for name in self.keeps[0]}

    def _masks(self, ranks: Mapping[str, Tensor], network: int) -> dict[str, Tensor]:
        index = range(len(self.keeps))[network]
        return {name: ranks[name] < self.get_buffer(_limits(index, layer)) for layer, name in enumerate(ranks)}


class NestedRecipe(DenseRecipe):
    """Trains a `NestedNetwork`.

    Args:
        network: its layers and their cost.
        module: see `NestedNetwork`.
        budgets: of the networks, in the order of `NestedNetwork.keeps`.
        rules: group size and mask rule.
        value_range: white minus black of the network's output.
    """

    module: NestedNetwork
    method = METHOD

    def __init__(
        self,
        network: SearchNetwork,
        module: NestedNetwork,
        budgets: Sequence[Fraction],
        rules: Rules,
        value_range: float,
    ) -> None:
        super().__init__(module)
        self._network, self._budgets, self._rules, self._value_range = network, budgets, rules, value_range

    def begin_step(self, step: int, fraction: float) -> None:
        """Draw the network between."""
        count = len(self.module.keeps)
        self.module.between = int(np.random.default_rng(step).integers(1, count - 1)) if count > 2 else 0

    def penalty(self) -> Tensor | None:
        """What the smaller networks put out beside the largest."""
        assert self.module.disagreement is not None
        return self.module.disagreement / self._value_range

    def report(self) -> dict[str, float]:
        """The shares of the dense MACs that the smallest and the largest keep."""
        smallest, largest = (float(self._network.share(self.module.keeps[i], self._rules.m)) for i in (0, -1))
        return {"share": largest, "smallest share": smallest}

    def result(self) -> SearchResult:
        """The largest network, its pruned weights exact zeros, and the plans of those within it."""
        masks, module = self.module.masks(-1), self.module.network
        *smaller, largest = (self._plan(index) for index in range(len(self.module.keeps)))
        arrays = {name: mask.cpu().numpy() for name, mask in masks.items()}
        return SearchResult(largest, masked_weights(module, masks), arrays, nested=tuple(smaller))

    def _plan(self, index: int) -> Plan:
        masks = {name: mask.cpu().numpy() for name, mask in self.module.masks(index).items()}
        return make_plan(self._network, self.module.keeps[index], masks, self._rules, self._budgets[index], self.method)


class NestedMethod(SparseMethod):
    """Several networks in one set of weights."""

    def find(self, context: SearchContext, budget: Fraction, start: str) -> None:
        """See `SparseMethod.find`; it begins with the dense network."""

    def recipe(self, task: SparseTask, module: OnnxModule, found: SearchResult | None) -> NestedRecipe:
        """See `SparseMethod.recipe`.

        Raises:
            UsageError: two budgets come to the same network.
        """
        budgets, keeps = (*task.within, task.budget), nested_keeps(task)
        network = NestedNetwork(module, keeps, task.rules)
        return NestedRecipe(task.network, network, budgets, task.rules, task.value_range)


def nested_keeps(task: SparseTask) -> list[dict[str, int]]:
    """N by layer of every network of a task, the largest last: of its plans, else one for all layers.

    Raises:
        UsageError: two budgets come to the same network.
        PlanError: a plan is of another network or group size.
        BudgetError: a budget cannot be reached.
    """
    budgets = (*task.within, task.budget)
    if task.plans:
        keeps = _within_another([_planned(task, plan) for plan in task.plans])
    else:
        keeps = [uniform_keep(task.network, budget, task.rules.m) for budget in budgets]
    for one, other, keep, next_keep in zip(budgets, budgets[1:], keeps, keeps[1:], strict=False):
        if keep == next_keep:
            raise UsageError(
                f"budgets {one} and {other} come to the same network",
                why=f"both keep {next(iter(keep.values()))} of every {task.rules.m}",
                hint="leave one of them out",
            )
    return keeps


def _planned(task: SparseTask, plan: Plan) -> dict[str, int]:
    """N by layer of a plan."""
    names = [layer.name for layer in task.network.layers]
    found = plan.by_name()
    if strangers := sorted(found.keys() ^ set(names)):
        why = "the network has no such layer" if strangers[0] in found else "the plan leaves this layer out"
        raise PlanError("the plan is of another network", where=strangers[0], why=why)
    if other := [layer for layer in plan.layers if layer.m != task.rules.m]:
        why = f"its groups are of {other[0].m}, not {task.rules.m}"
        raise PlanError("the plan does not go with --m", where=other[0].name, why=why)
    return {name: found[name].n for name in names}


def _within_another(keeps: Sequence[dict[str, int]]) -> list[dict[str, int]]:
    """The same by ascending cost, every network within the next: where it keeps more of a layer, it gives way."""
    *smaller, last = keeps
    found = [last]
    for keep in reversed(smaller):
        found.insert(0, {name: min(n, found[0][name]) for name, n in keep.items()})
    return found


def _limits(network: int, layer: int) -> str:
    return f"limits_{network}_{layer}"

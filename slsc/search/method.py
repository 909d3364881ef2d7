"""What makes a method: what it finds without training, and the recipe that trains on from there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from slsc.onnx_torch import OnnxModule
from slsc.plan import Plan
from slsc.runtime.bundle.manifest import ImageIO
from slsc.search.base import Rules, SearchNetwork, SearchResult
from slsc.search.context import SearchContext
from slsc.search.sls.settings import SlsSettings
from slsc.trainer.recipe import Recipe


class SparseRecipe(Recipe, Protocol):
    """A recipe that ends with a plan."""

    def result(self) -> SearchResult:
        """Plan, weights and masks.

        Raises:
            BudgetError: the budget was not met; says how far it came; exit code 3.
        """


@dataclass(frozen=True)
class SparseTask:
    """What training is to come to.

    Attributes:
        network: the dense network.
        budget: kept / dense MACs over the prunable layers, at most.
        rules: group size and mask rule.
        sample_pixels: input pixels of one training sample.
        sls: how `sls` learns N.
        value_range: white minus black of the network's output.
        within: budgets of the networks within the one of `budget`, ascending; of methods that take several.
        plans: N by layer of the networks, as budgets; none for one N for all layers. Of methods that take several.
        average: what the average region is to cost, a share as `budget` is; None for the mean of the networks'. Of
            `classpruning` alone.
        io: how pixels enter and leave the network; `classpruning` must know.
    """

    network: SearchNetwork
    budget: Fraction
    rules: Rules
    sample_pixels: int
    sls: SlsSettings
    value_range: float
    within: tuple[Fraction, ...] = ()
    plans: tuple[Plan, ...] = ()
    average: Fraction | None = None
    io: ImageIO | None = None


class SparseMethod(ABC):
    """A sparse method of `slsc.methods`, on whatever network. Holds nothing of a run."""

    reshapes = False
    """Whether it changes shapes: a checkpoint then fits no other network than the one it has found."""

    def require_reachable(self, context: SearchContext, budget: Fraction) -> None:
        """Refuse at once a budget that could not be met.

        Raises:
            BudgetError: names the nearest that can be reached; exit code 3.
        """
        context.network.require_reachable(budget, context.rules.m)

    @abstractmethod
    def find(self, context: SearchContext, budget: Fraction, start: str) -> SearchResult | None:
        """What training begins with; of a method that does not need any, the network it prunes to within the budget.

        Args:
            context: the network, and what to look at it with.
            budget: kept / dense MACs over the prunable layers, at most.
            start: one of `slsc.methods.STARTS`.

        Returns:
            Plan, masks and weights; None to begin with the dense network.

        Raises:
            BudgetError: the budget cannot be reached.
        """

    @abstractmethod
    def recipe(self, task: SparseTask, module: OnnxModule, found: SearchResult | None) -> SparseRecipe:
        """How it is trained.

        Args:
            task: what to come to.
            module: the network, of the shapes that were found; trained in place.
            found: by `find`; None also where a checkpoint will tell.

        Raises:
            BudgetError: the budget cannot be reached.
            UsageError: choices of the task do not go together.
        """

"""ClassPruning: nested networks, and a classifier that tells from the input which of them a region is given.

The paper's abstract is all that is public of it; what is done here, and why, is in docs/explain/adaptive.md. The
networks learn as in `slsc.search.nested`, a smaller one more where it is likely to be used. The classifier learns from
what the smaller ones lose to the largest in each region, by the losses of `slsc.search.classes.losses`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import torch
from torch import Tensor

from slsc.errors import UsageError
from slsc.onnx_torch import OnnxModule
from slsc.runtime.adaptive.regions import SIZE, Regions
from slsc.runtime.bundle.manifest import ImageIO
from slsc.search.base import Classes, Rules, SearchNetwork, SearchResult
from slsc.search.classes.classifier import RegionClassifier, region_means
from slsc.search.classes.losses import budget_loss, confidence_loss, expected_error
from slsc.search.classes.weighting import BUDGET, CONFIDENCE
from slsc.search.context import SearchContext
from slsc.search.method import SparseMethod, SparseTask
from slsc.search.nested import NestedNetwork, NestedRecipe, nested_keeps

METHOD = "classpruning"

REMEMBERED = 0.95
"""Part of the average cost that a step leaves as it was."""


@dataclass(frozen=True)
class Spending:
    """What the classes cost, and what is to be spent.

    Attributes:
        costs: of the networks, ascending; shares of the dense network's.
        average: what the average region is to cost.
    """

    costs: Sequence[float]
    average: float


class ClassedNetwork(NestedNetwork):
    """Nested networks with a classifier beside them.

    Args:
        module, keeps, rules: see `NestedNetwork`.
        spending: of the networks in the order of `keeps`.
        io: how pixels enter and leave the network.
    """

    spent: Tensor

    def __init__(
        self,
        module: OnnxModule,
        keeps: Sequence[Mapping[str, int]],
        rules: Rules,
        spending: Spending,
        io: ImageIO,
    ) -> None:
        super().__init__(module, keeps, rules)
        self.classifier = RegionClassifier(len(self.keeps), io)
        self.lesson: Tensor | None = None
        """The classifier's loss of the last training pass."""
        self._average = spending.average
        self.register_buffer("costs", torch.tensor(spending.costs, dtype=torch.float32), persistent=False)
        self.register_buffer("spent", torch.tensor(spending.average))

    def forward(self, x: Tensor) -> Tensor:
        """The restored image for `x`, (B, C, H, W) in the network's range.

        In training the largest network's, which the smaller ones are compared to; in evaluation each region has its
        likeliest class's.
        """
        if not self.training:
            return self._by_region(x)
        largest, smaller = self.passes(x)
        target = largest.detach()
        found = [region_means((restored - target).abs(), x.shape[2:]) for restored in smaller.values()]
        errors, weights = torch.stack([means for means, _ in found], 1), found[0][1]
        with torch.autocast(x.device.type, enabled=False):
            logits = self.classifier(x)
            run = [*smaller, len(self.keeps) - 1]
            likely = logits[:, run].softmax(1)
            use = (1 + len(run) * likely[:, :-1].detach()) / 2
            self.disagreement = (use * errors.float() * weights[:, None]).mean()
            self.lesson = self._lesson(logits.softmax(1), likely, errors.float(), weights)
        return largest

    def _lesson(self, every: Tensor, run: Tensor, errors: Tensor, weights: Tensor) -> Tensor:
        """What the classifier is to make less.

        Args:
            every: (N, K) probabilities of all classes.
            run: (N, k) of the networks that were run, the largest last.
            errors: (N, k - 1) what those but the largest lose.
            weights: (N,) of the regions.
        """
        spent = ((every @ self.get_buffer("costs")) * weights).mean()
        self.spent += (1 - REMEMBERED) * (spent.detach() - self.spent)
        lost = expected_error(run, torch.cat([errors, torch.zeros_like(errors[:, :1])], 1), weights)
        return (
            lost + CONFIDENCE * confidence_loss(every) + BUDGET * budget_loss(spent, float(self.spent), self._average)
        )

    def _by_region(self, x: Tensor) -> Tensor:
        """Every network's image where it is the likeliest."""
        height, width = x.shape[2:]
        regions = Regions(height, width, SIZE)
        classes = self.classifier(x).argmax(1).reshape(len(x), *regions.shape).cpu().numpy()
        ranks, restored = self._ranks(), torch.empty(0)
        for network in range(len(self.keeps)):
            image = self._restored(x, ranks, network)
            if not network:
                restored = image
                continue
            scale = image.shape[2] // height
            here = torch.stack([torch.from_numpy(regions.spread(one == network, scale)) for one in classes])
            restored = torch.where(here[:, None].to(x.device), image, restored)
        return restored


class ClassRecipe(NestedRecipe):
    """Trains a `ClassedNetwork`; arguments as of `NestedRecipe`."""

    module: ClassedNetwork
    method = METHOD

    def __init__(
        self,
        network: SearchNetwork,
        module: ClassedNetwork,
        budgets: Sequence[Fraction],
        rules: Rules,
        value_range: float,
        average: Fraction,
    ) -> None:
        super().__init__(network, module, budgets, rules, value_range)
        self._average = average

    def penalty(self) -> Tensor | None:
        """What the smaller networks put out beside the largest, and the classifier's losses."""
        nested, lesson = super().penalty(), self.module.lesson
        assert nested is not None and lesson is not None
        return nested + lesson

    def report(self) -> dict[str, float]:
        """As of nested networks, and what the average region is expected to cost."""
        return {**super().report(), "average cost": float(self.module.spent)}

    def result(self) -> SearchResult:
        """As of nested networks, with the classifier."""
        return replace(super().result(), classes=Classes(self.module.classifier.quadratic(), self._average))


class ClassPruningMethod(SparseMethod):
    """Nested networks, one N for all layers of each or those of given plans, and a classifier."""

    def find(self, context: SearchContext, budget: Fraction, start: str) -> None:
        """See `SparseMethod.find`; it begins with the dense network."""

    def recipe(self, task: SparseTask, module: OnnxModule, found: SearchResult | None) -> ClassRecipe:
        """See `SparseMethod.recipe`.

        Raises:
            UsageError: two budgets come to the same network, the average lies outside them, or it is not known how
                pixels enter the network.
        """
        keeps = nested_keeps(task)
        shares = [task.network.share(keep, task.rules.m) for keep in keeps]
        average = task.average or sum(shares, Fraction(0)) / len(shares)
        if not shares[0] < average < shares[-1]:
            raise UsageError(
                f"the average region cannot cost {float(average):.4g}",
                why=f"the classes cost {float(shares[0]):.4g} to {float(shares[-1]):.4g} of the dense network",
                hint="give an --average between them",
            )
        if task.io is None:
            raise UsageError(f"{METHOD} must know how pixels enter the network")
        spending = Spending([float(share) for share in shares], float(average))
        network = ClassedNetwork(module, keeps, task.rules, spending, task.io)
        budgets = (*task.within, task.budget)
        return ClassRecipe(task.network, network, budgets, task.rules, task.value_range, average)

"""What a search is given and what it hands to the passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import onnx

from slsc.errors import BudgetError, UsageError
from slsc.passes.analysis.cost import Cost, costs, plan_cost
from slsc.passes.analysis.layers import ConvLayer, prunable_layers
from slsc.pattern import RULES, WINDOW
from slsc.plan import LayerPlan, Plan, mask_digest
from slsc.runtime.adaptive.estimator import Quadratic

COST_HW = (720, 1280)
"""Output size at which MACs are counted unless told otherwise; budgets are shares, so it does not move them."""


@dataclass(frozen=True)
class Rules:
    """The pattern a search looks for.

    Attributes:
        m: group size.
        rule: mask rule, one of `slsc.pattern.RULES`.

    Raises:
        UsageError: the rule asks for 2:4 within groups that are no whole windows of 4.
    """

    m: int = 32
    rule: str = RULES[0]

    def __post_init__(self) -> None:
        if self.rule == "magnitude+2:4" and self.m % WINDOW:
            raise UsageError(
                f"rule {self.rule} does not go with M = {self.m}",
                why=f"groups must be whole windows of {WINDOW} channels",
                hint="use --m 32, or --rule magnitude",
            )


@dataclass(frozen=True)
class Classes:
    """A trained classifier of regions.

    Attributes:
        quadratic: features of a region to the logits of the networks, the cheapest first.
        average: what the average region was to cost, a share of the dense network's MACs over the prunable layers.
    """

    quadratic: Quadratic
    average: Fraction


@dataclass(frozen=True)
class SearchResult:
    """What the passes need from the front end, keyed by initializer name.

    Attributes:
        plan: N:M of every prunable layer.
        weights: changed initializers, in the network's own shapes; pruned weights are exact zeros.
        masks: bool, True where a weight is kept, one per layer of the plan.
        model: a network of other shapes that takes the dense one's place, the keys above being of this one; None where
            the shapes stay.
        nested: plans of smaller networks within the same weights, by ascending cost; each keeps the largest of them.
        classes: what tells which of these networks, and the one of `plan`, a region is given; None where nothing was
            trained to.
    """

    plan: Plan
    weights: Mapping[str, np.ndarray]
    masks: Mapping[str, np.ndarray]
    model: onnx.ModelProto | None = None
    nested: tuple[Plan, ...] = ()
    classes: Classes | None = None


@dataclass(frozen=True)
class SearchNetwork:
    """A model with what the search needs to know of it.

    Attributes:
        model: the ONNX model.
        layers: its prunable layers, in graph order.
        cost: its MACs at any one size; only shares matter here.
    """

    model: onnx.ModelProto
    layers: tuple[ConvLayer, ...]
    cost: Cost

    @classmethod
    def of(cls, model: onnx.ModelProto, output_hw: tuple[int, int] = COST_HW) -> SearchNetwork:
        """A model as the search sees it, its MACs counted for an output of `output_hw`.

        Raises:
            ModelError: it has no prunable layer, or no single image input and output.
        """
        return cls(model, tuple(prunable_layers(model)), costs(model, output_hw))

    def share(self, keep: Mapping[str, int], m: int) -> Fraction:
        """Kept / dense MACs over the prunable layers when layer `name` keeps `keep[name]` of every `m`."""
        return plan_cost(self.cost, keep, m).share

    def lowest_share(self, m: int) -> Fraction:
        """The share at N = 1 in every layer."""
        return self.share({layer.name: 1 for layer in self.layers}, m)

    def require_reachable(self, budget: Fraction, m: int) -> None:
        """Refuse a budget below what N = 1 everywhere costs.

        Raises:
            BudgetError: names the nearest reachable budget; exit code 3.
        """
        lowest = self.lowest_share(m)
        if budget < lowest:
            nearest = f"{float(lowest) + 5e-5:.4f}"
            raise BudgetError(
                f"budget {budget} cannot be reached",
                why=f"with one weight of every {m} kept the layers still cost {float(lowest):.4f} of their dense MACs",
                hint=f"use --budget {nearest} or more",
                exit_code=3,
            )


def make_plan(
    network: SearchNetwork,
    keep: Mapping[str, int],
    masks: Mapping[str, np.ndarray],
    rules: Rules,
    budget: Fraction,
    method: str,
) -> Plan:
    """The plan of a finished search."""
    layers = tuple(
        LayerPlan(layer.name, keep[layer.name], rules.m, rules.rule, mask_digest(masks[layer.name]))
        for layer in network.layers
    )
    return Plan(layers, str(budget), float(network.share(keep, rules.m)), method)

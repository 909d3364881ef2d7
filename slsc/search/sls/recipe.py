"""How an SLS search takes part in training: L = L_task + lambda_reg * C_pruned (Eq. 6), until the budget is met."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from slsc.errors import BudgetError
from slsc.search.base import Rules, SearchNetwork, SearchResult, make_plan
from slsc.search.sls.annealing import make_annealing
from slsc.search.sls.network import GatedNetwork
from slsc.search.sls.settings import SlsSettings

GREY_LEVELS = 255.0
"""The paper's loss is in grey levels, the training loop's in the unit range: the cost is brought to the latter."""


class SlsRecipe:
    """Search and finetuning in one run: N is learned until the kept share is at most the budget, then settled.

    The paper's settings end there or not at all. With a `Pace`, a search that is late by more than its grace drops the
    units of the lowest priority until the budget is met, so that short runs always end with a network.

    Args:
        network: its layers and their cost.
        module: the weights with their gates; trained in place.
        budget: kept / dense MACs over the prunable layers, at most.
        rules: group size and mask rule, those of `module`.
        settings: those of `module`.
        sample_pixels: input pixels of one training sample, to which Eq. 5 counts MACs.

    Raises:
        BudgetError: even N = 1 in every layer exceeds the budget.
    """

    def __init__(
        self,
        network: SearchNetwork,
        module: GatedNetwork,
        budget: Fraction,
        rules: Rules,
        settings: SlsSettings,
        sample_pixels: int,
    ) -> None:
        network.require_reachable(budget, rules.m)
        self.module = module
        self._network, self._budget, self._rules, self._settings = network, budget, rules, settings
        height, width = network.cost.input_hw
        sample_macs = network.cost.prunable_macs * sample_pixels / (height * width)
        self._scale = 1.0 if settings.unit == "share" else sample_macs / GREY_LEVELS
        self._annealing = make_annealing(settings, settings.strength, budget)

    def begin_step(self, step: int, fraction: float) -> None:
        """Anneal, and rank the weights anew where it is time to.

        Ranking goes on after N is settled: which weights are kept may still change.
        """
        every = self._settings.refresh_every
        if every is not None and step and step % every == 0:
            self.module.rank()
        if self.module.frozen:
            return
        pace = self._settings.pace
        if pace is not None and fraction >= min(1.0, pace.until + pace.grace):
            self.module.fill(self._budget)
        else:
            self._annealing.follow(step, fraction, float(self.module.exact_share()))

    def penalty(self) -> Tensor | None:
        """lambda_reg * C_pruned, as long as N is learned."""
        if self.module.frozen:
            return None
        return self.module.share() * (self._annealing.strength * self._scale)

    def end_step(self, step: int) -> None:
        """Settle N once the budget is met."""
        if self.module.frozen:
            return
        if self._settings.project:
            self.module.project()
        if self.module.exact_share() > self._budget:
            return
        if self._settings.fill:
            self.module.fill(self._budget)
        else:
            self.module.freeze()

    def state_dict(self) -> dict[str, Any]:
        """The annealing; gates and units are the module's."""
        return self._annealing.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up the annealing."""
        self._annealing.load_state_dict(state)

    def report(self) -> dict[str, float]:
        """The kept share, and lambda_reg (0 once N is settled)."""
        strength = 0.0 if self.module.frozen else self._annealing.strength
        return {"share": float(self.module.exact_share()), "lambda": strength}

    def result(self) -> SearchResult:
        """The plan that was learned, and the weights with exact zeros where it prunes.

        Raises:
            BudgetError: the run ended before the budget was met; says how far it came; exit code 3.
        """
        module = self.module
        if not module.frozen:
            reached = float(module.exact_share())
            nearest = "" if reached > 0.9999 else f", or --budget {reached + 5e-5:.4f}"
            raise BudgetError(
                f"budget {self._budget} was not met in the steps given",
                why=f"the kept share came down to {reached:.4f}, lambda up to {self._annealing.strength:.3g}",
                hint=f"give it more steps, use --preset fast or thorough{nearest}",
                exit_code=3,
            )
        masks, keep, weights = module.masks(), module.keep(), {}
        for name in module.network.parameter_names():
            value = module.network.parameter(name).detach().cpu()
            weights[name] = (value * torch.from_numpy(masks[name]) if name in masks else value).numpy()
        plan = make_plan(self._network, keep, masks, self._rules, self._budget, "sls")
        return SearchResult(plan, weights, masks)

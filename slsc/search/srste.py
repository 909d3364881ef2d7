"""SR-STE, the baseline that learns an N:M network from all its weights (Zhou et al., ICLR 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor, nn

from slsc.onnx_torch import OnnxModule
from slsc.search.base import Rules, SearchNetwork, SearchResult, make_plan
from slsc.search.context import SearchContext
from slsc.search.masked import masked_weights, set_weights
from slsc.search.method import SparseMethod, SparseTask
from slsc.search.ranking import limits, rank_weights
from slsc.search.uniform import fit_uniform, uniform_keep
from slsc.trainer.recipe import DenseRecipe

DECAY = 2e-4
"""lambda_w of the paper's Eq. 8, for gradients of a loss in grey levels (0..255)."""

GREY_LEVELS = 255.0


class SrSteNetwork(nn.Module):
    """Runs a network with the N largest weights of every group, chosen anew at each pass.

    Backward every weight gets the gradient of the weight it was masked to, and a pruned one decays:
    g + lambda_w * (1 - mask) * W. Under Adam, which networks for restoration need, the pruned weights' gradients also
    swell the second moment of all, as STEP (ICML 2023) found; the baseline is kept as published.

    Args:
        module: the weights; trained in place.
        keep: N by layer.
        rules: group size and mask rule.
    """

    def __init__(self, module: OnnxModule, keep: Mapping[str, int], rules: Rules) -> None:
        super().__init__()
        self.network, self.keep, self._rules = module, dict(keep), rules
        for index, (name, n) in enumerate(self.keep.items()):
            shape = module.parameter(name).shape
            self.register_buffer(_limits(index), limits(shape[1], n, rules, len(shape)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """The restored image for `x`, (B, C, H, W) in the network's range."""
        masks = self.masks()
        weights = {name: decaying(self.network.parameter(name), mask) for name, mask in masks.items()}
        restored: Tensor = self.network(x, weights)
        return restored

    def masks(self) -> dict[str, Tensor]:
        """What the weights as they are would keep: bool, by layer."""
        return {
            name: rank_weights(self.network.parameter(name), self._rules) < self.get_buffer(_limits(index))
            for index, name in enumerate(self.keep)
        }


class SrSteRecipe(DenseRecipe):
    """Trains an `SrSteNetwork`, and prunes it for good at the end.

    Args:
        network: its layers and their cost.
        module: see `SrSteNetwork`.
        budget: what the plan says it was made for.
        rules: group size and mask rule.
    """

    module: SrSteNetwork

    def __init__(self, network: SearchNetwork, module: SrSteNetwork, budget: Fraction, rules: Rules) -> None:
        super().__init__(module)
        self._network, self._budget, self._rules = network, budget, rules

    def report(self) -> dict[str, float]:
        """The share of the dense MACs that is kept."""
        return {"share": float(self._network.share(self.module.keep, self._rules.m))}

    def result(self) -> SearchResult:
        """The plan, and the weights with exact zeros where it prunes."""
        keep, module = self.module.keep, self.module.network
        masks = self.module.masks()
        weights = masked_weights(module, masks)
        arrays = {name: mask.cpu().numpy() for name, mask in masks.items()}
        return SearchResult(
            make_plan(self._network, keep, arrays, self._rules, self._budget, "sr-ste"), weights, arrays
        )


class SrSteMethod(SparseMethod):
    """All weights learn, and the N largest of every group count: from the dense ones, or from those fitted to N."""

    def find(self, context: SearchContext, budget: Fraction, start: str) -> SearchResult | None:
        """See `SparseMethod.find`."""
        return None if start == "dense" else fit_uniform(context, budget)

    def recipe(self, task: SparseTask, module: OnnxModule, found: SearchResult | None) -> SrSteRecipe:
        """See `SparseMethod.recipe`."""
        if found is not None:
            set_weights(module, found.weights)
        keep = uniform_keep(task.network, task.budget, task.rules.m)
        return SrSteRecipe(task.network, SrSteNetwork(module, keep, task.rules), task.budget, task.rules)


def decaying(weight: Tensor, mask: Tensor) -> Tensor:
    """`weight` where `mask` is True, else 0; backward every weight gets a gradient, and what is masked decays."""
    masked: Tensor = _Decaying.apply(weight, mask)
    return masked


class _Decaying(torch.autograd.Function):
    """W * mask; backward the gradient as it is, plus the decay of what is masked."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, mask: Tensor) -> Tensor:
        ctx.save_for_backward(weight, mask)
        return weight * mask

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        weight, mask = ctx.saved_tensors
        return gradient + weight * ~mask * (DECAY / GREY_LEVELS), None


def _limits(index: int) -> str:
    return f"limits_{index}"

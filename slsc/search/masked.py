"""Training of what a search has found: the masks stay, the kept weights learn."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor

from slsc.onnx_torch import OnnxModule
from slsc.plan import Plan
from slsc.search.base import SearchResult
from slsc.search.context import SearchContext
from slsc.search.method import SparseMethod, SparseTask
from slsc.trainer.recipe import DenseRecipe


class MaskedRecipe(DenseRecipe):
    """A network whose pruned weights stay exact zeros.

    Args:
        module: the network; its weights become those of `start`.
        start: what a search found; None where `load_state_dict` will tell.
    """

    module: OnnxModule

    def __init__(self, module: OnnxModule, start: SearchResult | None) -> None:
        super().__init__(module)
        self._narrow = start.model if start else None
        if start is not None:
            set_weights(module, start.weights)
            self._fix(start.plan, {name: torch.from_numpy(mask) for name, mask in start.masks.items()})

    @property
    def masks(self) -> Mapping[str, Tensor]:
        """What is kept, by weight."""
        return self._masks

    def result(self) -> SearchResult:
        """The plan as it was found, and all weights as they are now."""
        weights = {name: self.module.parameter(name).detach().cpu().numpy() for name in self.module.parameter_names()}
        masks = {name: mask.cpu().numpy() for name, mask in self._masks.items()}
        return SearchResult(self._plan, weights, masks, self._narrow)

    def state_dict(self) -> dict[str, Any]:
        """The plan and the masks."""
        return {"plan": json.dumps(self._plan.to_dict()), "masks": self._masks}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up plan and masks."""
        self._fix(Plan.from_dict(json.loads(state["plan"])), state["masks"])

    def report(self) -> dict[str, float]:
        """The share of the dense MACs that is kept."""
        return {"share": self._plan.kept_share}

    def _fix(self, plan: Plan, masks: Mapping[str, Tensor]) -> None:
        self._plan, self._masks = plan, dict(masks)
        for name, mask in self._masks.items():
            stop_gradients(self.module.parameter(name), mask)


class PruningMethod(SparseMethod):
    """A method that is done once it has pruned; training is then of the kept weights."""

    @abstractmethod
    def find(self, context: SearchContext, budget: Fraction, start: str) -> SearchResult:
        """See `SparseMethod.find`."""

    def recipe(self, task: SparseTask, module: OnnxModule, found: SearchResult | None) -> MaskedRecipe:
        """See `SparseMethod.recipe`."""
        return MaskedRecipe(module, found)


def masked_weights(module: OnnxModule, masks: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """All parameters by name, exact zeros where a mask prunes."""
    weights = {}
    for name in module.parameter_names():
        value = module.parameter(name).detach()
        weights[name] = (value * masks[name] if name in masks else value).cpu().numpy()
    return weights


def set_weights(module: OnnxModule, weights: Mapping[str, np.ndarray]) -> None:
    """Copy arrays into the parameters of their names."""
    with torch.no_grad():
        for name, array in weights.items():
            module.parameter(name).copy_(torch.from_numpy(array))


def stop_gradients(parameter: Tensor, mask: Tensor) -> None:
    """Let only what is kept learn: Adam without weight decay leaves a weight that gets no gradient exactly as it is."""
    parameter.register_hook(lambda gradient: gradient * mask.to(gradient.device))

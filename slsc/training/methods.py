"""What each method of `slsc train` trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from slsc.data.patches import Pair
from slsc.onnx_torch import OnnxModule
from slsc.search import SearchResult
from slsc.search.masked import MaskedRecipe
from slsc.search.searcher import Searcher
from slsc.train.recipe import DenseRecipe, Recipe
from slsc.training.network import StartNetwork
from slsc.training.request import DENSE, TrainRequest


class DenseTraining(DenseRecipe):
    """All weights of a network."""

    module: OnnxModule


class SparseRecipe(Recipe, Protocol):
    """A recipe that ends with a plan."""

    def result(self) -> SearchResult:
        """Plan, weights and masks.

        Raises:
            BudgetError: the budget was not reached; says how far it came; exit code 3.
        """


def make_recipe(request: TrainRequest, network: StartNetwork, pairs: Sequence[Pair]) -> DenseTraining | SparseRecipe:
    """The recipe of a request's method, as it is at the first step.

    Args:
        request: names the method.
        network: what to start from.
        pairs: images to search on, (input, wanted output).

    Raises:
        BudgetError: the budget cannot be reached.
    """
    if request.method == DENSE:
        return DenseTraining(network.module())
    assert request.budget is not None
    if request.resume:
        return MaskedRecipe(network.module(), None)
    found = _searcher(request, network, pairs).search(request.budget, request.method, "none")
    return MaskedRecipe(network.module(found.model), found)


def _searcher(request: TrainRequest, network: StartNetwork, pairs: Sequence[Pair]) -> Searcher:
    return Searcher(
        network.model,
        network.io,
        pairs,
        labelled=True,
        rules=request.rules,
        seed=request.settings.seed,
        progress=lambda stage, done, total: None,
    )

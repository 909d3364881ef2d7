"""What each method of `slsc train` trains."""

from __future__ import annotations

from collections.abc import Sequence

from slsc.data.patches import Pair
from slsc.jobs.train.network import StartNetwork
from slsc.jobs.train.request import DENSE, TrainRequest
from slsc.onnx_torch import OnnxModule
from slsc.progress import StageProgress
from slsc.search.masked import MaskedRecipe
from slsc.search.recipes import LEARNED, Prune, SparseRecipe, learned_recipe
from slsc.search.searcher import Searcher
from slsc.trainer.recipe import DenseRecipe


class DenseTraining(DenseRecipe):
    """All weights of a network."""

    module: OnnxModule


def make_recipe(
    request: TrainRequest, network: StartNetwork, pairs: Sequence[Pair], progress: StageProgress
) -> DenseTraining | SparseRecipe:
    """The recipe of a request's method, as it is at the first step.

    Args:
        request: names the method.
        network: what to start from.
        pairs: images to search on, (input, wanted output).
        progress: told of what comes before training.

    Raises:
        BudgetError: the budget cannot be reached.
    """
    if request.method == DENSE:
        return DenseTraining(network.module())
    assert request.budget is not None
    searcher = Searcher(
        network.model,
        network.io,
        pairs,
        labelled=True,
        rules=request.rules,
        seed=request.settings.seed,
        progress=progress,
    )
    if request.method in LEARNED:
        return learned_recipe(
            request.method,
            searcher.network,
            network.module(),
            request.budget,
            request.rules,
            request.sls,
            request.patch**2,
            None if request.resume or request.start == "dense" else _pruned(searcher),
        )
    if request.resume and request.method != "filter":  # which alone has shapes to be found before a checkpoint fits
        return MaskedRecipe(network.module(), None)
    found = searcher.search(request.budget, request.method, "none", request.start)
    return MaskedRecipe(network.module(found.model), found)


def _pruned(searcher: Searcher) -> Prune:
    return lambda budget, method, start: searcher.search(budget, method, "none", start)

"""What each method of `slsc train` trains."""

from __future__ import annotations

from slsc.jobs.train.network import StartNetwork
from slsc.jobs.train.request import TrainRequest
from slsc.onnx_torch import OnnxModule
from slsc.progress import StageProgress
from slsc.search.base import SearchNetwork
from slsc.search.context import SearchContext
from slsc.search.inputs import PatchSource
from slsc.search.method import SparseRecipe, SparseTask
from slsc.search.sparse_methods import SPARSE_METHODS
from slsc.trainer.recipe import DenseRecipe


class DenseTraining(DenseRecipe):
    """All weights of a network."""

    module: OnnxModule


def make_recipe(
    request: TrainRequest, network: StartNetwork, source: PatchSource, progress: StageProgress
) -> DenseTraining | SparseRecipe:
    """The recipe of a request's method, as it is at the first step.

    Args:
        request: names the method.
        network: what to start from.
        source: of the inputs to search on.
        progress: told of what comes before training.

    Raises:
        BudgetError: the budget cannot be reached.
    """
    if request.budget is None:
        return DenseTraining(network.module())
    method, dense, found = SPARSE_METHODS[request.method], SearchNetwork.of(network.model), None
    if method.reshapes or not request.resume:
        context = SearchContext(dense, source, request.rules, request.settings.seed, progress)
        found = method.find(context, request.budget, request.start)
    task = SparseTask(
        dense,
        request.budget,
        request.rules,
        request.patch**2,
        request.sls,
        network.io.output_range.mean_span,
        request.within,
        request.plans,
        request.average,
        network.io,
    )
    return method.recipe(task, network.module(found.model if found else None), found)

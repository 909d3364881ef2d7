"""The networks of the engine benchmark: from the zoo with random weights, dense and pruned to a uniform N:M."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import onnx
import torch

from slsc.networks.loading import import_network
from slsc.passes.analysis.cost import plan_cost
from slsc.passes.bake import BakeMasks
from slsc.passes.base import PassContext
from slsc.passes.pipeline import Pipeline
from slsc.search.base import Rules, SearchNetwork
from slsc.search.uniform import prune_uniform
from slsc.tools.contenders.base import Subject
from slsc.zoo import zoo_model
from slsc.zoo.export import export_onnx

DENSE = Fraction(1)


def subjects(name: str, budgets: Sequence[Fraction], folder: Path, hw: tuple[int, int]) -> list[Subject]:
    """Write one network of the zoo as ONNX, dense and once per budget, dense first.

    Args:
        name: of the zoo.
        budgets: kept / dense MACs over the prunable layers, below 1.
        folder: where the files go.
        hw: input size MACs are counted at.

    Raises:
        UsageError: no such network.
        BudgetError: a budget cannot be reached with one N for all layers.
    """
    entry = zoo_model(name)
    torch.manual_seed(0)
    exported = folder / f"{name}-exported.onnx"
    export_onnx(entry.build(), exported)
    model = import_network(exported).model
    network = SearchNetwork.of(model, (hw[0] * entry.scale, hw[1] * entry.scale))
    dense = _saved(model, folder / f"{name}.onnx")
    return [
        Subject(name, DENSE, dense, None, network.cost.weight_macs / 1e9),
        *(_pruned(name, network, budget, folder) for budget in budgets),
    ]


def _pruned(name: str, network: SearchNetwork, budget: Fraction, folder: Path) -> Subject:
    found = prune_uniform(network, budget, Rules())
    baked = Pipeline([BakeMasks(found.plan, found.weights, found.masks)]).run(network.model, PassContext()).model
    kept = plan_cost(network.cost, {layer.name: layer.n for layer in found.plan.layers}, Rules().m)
    path = _saved(baked, folder / f"{name}-{str(budget).replace('/', '-')}.onnx")
    return Subject(name, budget, path, found.plan, kept.weight_macs / 1e9)


def _saved(model: onnx.ModelProto, path: Path) -> Path:
    onnx.save(model, path)
    return path

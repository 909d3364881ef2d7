"""MACs as the tables of the SLS paper (CVPR 2022) count them.

Its counter hooks torch modules: it adds up the weight MACs of convolutions, one addition per output element for each
bias, and one unit per output element of each ReLU or LeakyReLU that is a module. Activations called as functions,
additions, pooling, sigmoids, pixel shuffles, resizing and the mean shift at both ends count nothing.
"""

from __future__ import annotations

from collections import Counter

import onnx

from slsc.passes.analysis.cost import Cost, PlanCost

COUNTED = ("Relu", "LeakyRelu")


def module_activations(model: onnx.ModelProto) -> frozenset[str]:
    """Names of the ReLU nodes that were modules of their own in torch.

    torch's exporter names nodes by the path of the module they ran in: a module `act` gives `/block/act/Relu`, or
    `/block/act_1/Relu` for its second call, while a function called in `block` gives `/block/Relu` among the block's
    other nodes. So a ReLU was a module when no other node lies in its path. Where nodes carry no paths, all count as
    modules.
    """
    inside: Counter[str] = Counter()
    for node in model.graph.node:
        inside.update(_paths(node))
    return frozenset(
        node.name
        for node in model.graph.node
        if node.op_type in COUNTED and (not _paths(node) or inside[_paths(node)[0]] == 1)
    )


def paper_macs(cost: Cost, modules: frozenset[str], plan: PlanCost | None = None) -> int:
    """Weight MACs, bias additions and the activations named in `modules`; with a plan only the weight MACs shrink."""
    weights = plan.weight_macs if plan else cost.weight_macs
    return weights + cost.bias_adds + sum(elements for name, _, elements in cost.activations if name in modules)


def _paths(node: onnx.NodeProto) -> list[str]:
    """The modules a node ran in, innermost first."""
    parts = node.name.split("/")[:-1]
    return ["/".join(parts[:depth]) for depth in range(len(parts), 1, -1)]

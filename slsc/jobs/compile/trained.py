"""Networks that come with a plan: what `slsc train` has made sparse, to be packaged without a search."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx

from slsc.errors import PlanError
from slsc.jobs.inspect.inspection import REPORT_HW
from slsc.passes.analysis.cost import costs, plan_cost
from slsc.passes.analysis.layers import prunable_layers
from slsc.passes.bake import pattern_violation
from slsc.passes.weights import weight_values
from slsc.pattern import nm_mask, rank_groups
from slsc.plan import LayerPlan, Plan, mask_digest
from slsc.runtime.regular_file import require_regular
from slsc.search.base import SearchResult


def read_plan(path: Path) -> Plan:
    """Read the plan that `slsc train` wrote beside its network.

    Raises:
        PlanError: the file is missing, is no JSON, or is malformed.
    """
    try:
        require_regular(path)
        return Plan.from_dict(json.loads(path.read_text()))
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise PlanError(
            "cannot read the plan", where=str(path), why=why, hint="give the OUT.plan.json that `slsc train` wrote"
        ) from error


def found_in_weights(model: onnx.ModelProto, plan: Plan) -> SearchResult:
    """A sparse network as a search's result: the masks are its non-zeros, the plan's share what they cost.

    A plan of a smaller network within it has the largest weights of every group for masks.

    Args:
        model: after the import passes.
        plan: N:M of every prunable layer.

    Raises:
        PlanError: the plan is of another network, or a weight breaks it.
    """
    arrays, layers = weight_values(model), [layer.name for layer in prunable_layers(model)]
    planned = plan.by_name()
    if strangers := sorted(planned.keys() ^ set(layers)):
        why = "the network has no such layer" if strangers[0] in planned else "the plan leaves this layer out"
        raise PlanError("the plan is of another network", where=strangers[0], why=why)
    if len({layer.m for layer in plan.layers}) > 1:
        raise PlanError("the plan has layers of different M", where=plan.layers[0].name)
    masks = {name: _mask(arrays[name], planned[name]) for name in layers}
    for name in layers:
        if broken := pattern_violation(planned[name], masks[name].astype(np.int8)):
            raise PlanError(
                "the weights break the plan", where=name, why=broken, hint="give the network the plan was written with"
            )
    found = tuple(replace(planned[name], mask_sha256=mask_digest(masks[name])) for name in layers)
    share = plan_cost(costs(model, REPORT_HW), {layer.name: layer.n for layer in found}, found[0].m).share
    pruned = {name: arrays[name] * mask for name, mask in masks.items() if not mask[arrays[name] != 0].all()}
    return SearchResult(replace(plan, layers=found, kept_share=float(share)), pruned, masks)


def _mask(weight: np.ndarray, layer: LayerPlan) -> npt.NDArray[np.bool_]:
    """The non-zeros of a weight, or those of the mask that the plan names by its digest, where the weight has it."""
    largest = nm_mask(rank_groups(np.abs(weight), layer.m, layer.rule), layer.n, layer.m)
    return (weight != 0) & (largest if mask_digest(largest) == layer.mask_sha256 else True)

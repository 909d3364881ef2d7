"""Making a network's sparse layers fit 2:4 hardware: what costs nothing first, and what it costs in the end.

Where the network is still dense the search keeps to the rule `magnitude+2:4` (`slsc.pattern`), and nothing is left to
do. One that is sparse already is permuted as far as that helps, and the rest is projected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from slsc.passes.analysis.layers import ConvLayer, conv_layers
from slsc.passes.base import PassContext
from slsc.passes.narrowing import follow_channels
from slsc.passes.pipeline import Pipeline
from slsc.passes.sparsity24.energy import kept_energy
from slsc.passes.sparsity24.permutation_search import Effort, Found, Told, Wanted, find_order
from slsc.passes.sparsity24.permute import PermuteChannels
from slsc.passes.sparsity24.project import ProjectTo2to4
from slsc.passes.sparsity24.verdict import DENSE, ELIGIBLE, Verdict, fits, verdict_of
from slsc.passes.weights import weight_values
from slsc.pattern import WINDOW, WINDOW_KEEP, group_sizes, kept_in_group
from slsc.plan import LayerPlan, Plan, mask_digest

RE_RANKED, PERMUTED, PROJECTED = "re-ranked", "permuted", "projected"

RULE = "magnitude+2:4"
"""The mask rule that keeps to 2:4."""


@dataclass(frozen=True)
class MappedLayer:
    """What became of one layer of a plan.

    Attributes:
        name: the weight's initializer.
        n, m: its N:M.
        state: "eligible" as it was, "re-ranked" by the rule `magnitude+2:4`, "permuted", "projected", or "dense".
        reason: in a word, why it is dense to 2:4 hardware (`Verdict.reason`); empty otherwise.
        detail: the same with figures.
        energy_lost: share of the layer's kept energy that 2:4 cost, 0..1: against the N:M mask without it where it was
            re-ranked, against the weights as they came where it was projected.
        dropped: weights that projection set to zero.
    """

    name: str
    n: int
    m: int
    state: str
    reason: str = ""
    detail: str = ""
    energy_lost: float = 0.0
    dropped: int = 0

    @property
    def must_fit(self) -> bool:
        """Whether the layer keeps so few weights that 2:4 hardware could take it."""
        return fits(self.n, self.m)


@dataclass(frozen=True)
class Ordered:
    """A network whose channels were brought into another order.

    Attributes:
        model: it.
        search: what the order brings, by layer; None where no channel may change places.
        max_abs: largest difference it makes to the output, in the network's range; 0 where nothing was moved.
    """

    model: onnx.ModelProto
    search: Found | None
    max_abs: float


@dataclass(frozen=True)
class Mapped:
    """A sparse network made to fit 2:4 hardware as far as may be.

    Attributes:
        model: it.
        plan: its plan: the same N:M, and the rule `magnitude+2:4` for the layers that keep to it now.
        layers: what became of each layer.
        ordered: the permutation that came first.
    """

    model: onnx.ModelProto
    plan: Plan
    layers: tuple[MappedLayer, ...]
    ordered: Ordered


def map_sparse(model: onnx.ModelProto, plan: Plan, effort: Effort, context: PassContext, told: Told) -> Mapped:
    """Permute, then project, until every layer that keeps at most half fits 2:4 hardware, if its shape allows it.

    1. Channels change places within groups of M, so that N:M stays; a layer that fits already is not broken.
    2. What does not fit then is projected: `ProjectTo2to4`.
    3. Layers that keep more than half, are grouped, or have a number of input channels that is no multiple of 4 stay as
       they are.

    Args:
        model: a network that is N:M by `plan`.
        plan: N:M by layer.
        effort: how long to look for an order.
        context: inputs to prove on that permuting leaves the network's function alone.
        told: told as work proceeds.
    """
    before = _verdicts(model, plan)
    open_layers = [name for name, verdict in before.items() if verdict.reason == "window"]
    ordered = Ordered(model, None, 0.0)
    if open_layers:
        wanted = {
            layer.name: Wanted(layer.n, layer.m)
            for layer in plan.layers
            if before[layer.name].eligible or layer.name in open_layers
        }
        grouped = {layer.name: layer.m for layer in plan.layers if layer.n < layer.m}
        ordered = _ordered(model, wanted, grouped, effort, context, told)
    left = [name for name, verdict in _verdicts(ordered.model, plan).items() if verdict.reason == "window"]
    projection = Pipeline([ProjectTo2to4(left)]).run(ordered.model, context)
    lost = projection.report[ProjectTo2to4.name]["layers"]
    after = _verdicts(projection.model, plan)
    layers = tuple(_mapped(layer, before[layer.name], after[layer.name], lost) for layer in plan.layers)
    return Mapped(projection.model, _replanned(projection.model, plan, after), layers, ordered)


def mapped_by_search(
    model: onnx.ModelProto, plan: Plan, dense: Mapping[str, npt.NDArray[Any]]
) -> tuple[MappedLayer, ...]:
    """What became of the layers of a network that was searched under the rule `magnitude+2:4`.

    Args:
        model: the sparse network.
        plan: its plan.
        dense: the weights before, by name, for the energy that 2:4 cost.
    """
    verdicts = _verdicts(model, plan)
    return tuple(_searched(layer, verdicts[layer.name], dense.get(layer.name)) for layer in plan.layers)


def _searched(layer: LayerPlan, verdict: Verdict, dense: npt.NDArray[Any] | None) -> MappedLayer:
    if not verdict.eligible:
        return MappedLayer(layer.name, layer.n, layer.m, DENSE, verdict.reason, verdict.detail)
    if layer.rule != RULE or not fits(layer.n, layer.m) or layer.n <= WINDOW_KEEP or dense is None:
        return MappedLayer(layer.name, layer.n, layer.m, ELIGIBLE)
    return MappedLayer(layer.name, layer.n, layer.m, RE_RANKED, energy_lost=_rule_loss(dense, layer.n, layer.m))


def _rule_loss(dense: npt.NDArray[Any], n: int, m: int) -> float:
    """Share of the energy of the best N:M mask that the best one under the 2:4 rule lacks."""
    energy = np.square(np.moveaxis(dense, 1, -1).reshape(-1, dense.shape[1]), dtype=np.float32)
    kept, start = np.zeros(2), 0
    for size in group_sizes(dense.shape[1], m):
        block = energy[:, start : start + size]
        kept += [float(kept_energy(block, kept_in_group(n, m, size), windowed)) for windowed in (True, False)]
        start += size
    return max(0.0, 1 - kept[0] / kept[1]) if kept[1] else 0.0


def _ordered(
    model: onnx.ModelProto,
    wanted: Mapping[str, Wanted],
    grouped: Mapping[str, int],
    effort: Effort,
    context: PassContext,
    told: Told,
) -> Ordered:
    channels = follow_channels(model)
    search = find_order(model, channels, conv_layers(model), wanted, grouped, effort, told)
    if not search.exchanges:
        return Ordered(model, search, 0.0)
    result = Pipeline([PermuteChannels(channels, search.order)]).run(model, context)
    difference = result.report[PermuteChannels.name].get("difference", {"max_abs": 0.0})
    return Ordered(result.model, search, difference["max_abs"])


def _verdicts(model: onnx.ModelProto, plan: Plan) -> dict[str, Verdict]:
    """By layer of the plan. A layer that keeps more than half is never said to have a bad window."""
    layers: dict[str, ConvLayer] = {layer.name: layer for layer in conv_layers(model)}
    values = weight_values(model)
    found = {}
    for planned in plan.layers:
        verdict = verdict_of(layers[planned.name], values[planned.name], planned.m)
        if verdict.reason == "window" and not fits(planned.n, planned.m):
            verdict = replace(
                verdict, reason=f"N>{planned.m // 2}", detail=f"{planned.n}:{planned.m}, {verdict.detail}"
            )
        found[planned.name] = verdict
    return found


def _mapped(layer: LayerPlan, before: Verdict, after: Verdict, lost: Mapping[str, Mapping[str, Any]]) -> MappedLayer:
    if not after.eligible:
        return MappedLayer(layer.name, layer.n, layer.m, DENSE, after.reason, after.detail)
    if layer.name in lost:
        return MappedLayer(layer.name, layer.n, layer.m, PROJECTED, **lost[layer.name])
    return MappedLayer(layer.name, layer.n, layer.m, ELIGIBLE if before.eligible else PERMUTED)


def _replanned(model: onnx.ModelProto, plan: Plan, verdicts: Mapping[str, Verdict]) -> Plan:
    values = weight_values(model)
    layers = []
    for layer in plan.layers:
        ruled = verdicts[layer.name].eligible and fits(layer.n, layer.m) and layer.m % WINDOW == 0
        layers.append(
            replace(
                layer,
                rule=RULE if ruled else layer.rule,
                mask_sha256=mask_digest(values[layer.name] != 0),
            )
        )
    return replace(plan, layers=tuple(layers))

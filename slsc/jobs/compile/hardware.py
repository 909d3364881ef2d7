"""Fitting a network to 2:4 hardware on its way through a compilation: padded or permuted, mapped, and held to it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from slsc.errors import PlanError, UsageError
from slsc.jobs.compile.baking import BakedEngine
from slsc.passes.analysis.cost import Cost, costs
from slsc.passes.analysis.layers import prunable_layers
from slsc.passes.analysis.roofline import DEVICES
from slsc.passes.base import PassContext
from slsc.passes.sparsity24.mapping import MappedLayer, Ordered, map_sparse, mapped_by_search
from slsc.passes.sparsity24.permutation_search import Effort
from slsc.passes.sparsity24.verdict import DENSE, refused_by_shape
from slsc.passes.weights import weight_values
from slsc.passes.widening.worth import AUTO, FIT, NEVER, Padded, pad
from slsc.plan import Plan
from slsc.progress import StageProgress

REQUIRE = "require"
MAPPINGS = (NEVER, AUTO, REQUIRE)
"""Whether layers are made to fit 2:4 hardware: not, where they can be, or all that keep at most half, or nothing."""


@dataclass(frozen=True)
class HardwareRequest:
    """What a network shall be fitted to.

    Attributes:
        mapping: one of `MAPPINGS`.
        padding: one of `slsc.passes.widening.worth.PADDINGS`; "auto" is what fits where mapping is required.
        multiple: of channels that padding makes.
        device: one of `slsc.passes.analysis.roofline.DEVICES`, where padding shall pay.
        seconds: most that an order of the channels is looked for, where the network comes sparse.
    """

    mapping: str = NEVER
    padding: str = NEVER
    multiple: int = 4
    device: str = next(iter(DEVICES))
    seconds: float = 60.0

    @property
    def maps(self) -> bool:
        """Whether layers are made to fit 2:4 hardware."""
        return self.mapping != NEVER


@dataclass
class Hardware:
    """A network fitted, as far as can be before its engines are made.

    Attributes:
        model: what the engines are made from.
        plan: its plan, where it came with one.
        cost: of `model`, dense; without the filters that padding has added, where they stay zeros.
        request: what was asked for.
        padded: what was padded; None where nothing was to be.
        ordered: how channels were permuted; None where the network came dense.
        layers: what became of each layer, by engine, as the engines are made.
        to_given: dB between an engine and the sparse network that was given, by engine.
    """

    model: onnx.ModelProto
    plan: Plan | None
    cost: Cost
    request: HardwareRequest
    padded: Padded | None = None
    ordered: Ordered | None = None
    layers: dict[str, tuple[MappedLayer, ...]] = field(default_factory=dict)
    to_given: dict[str, float | None] = field(default_factory=dict)

    def budget(self, asked: Fraction, dense: Cost) -> Fraction:
        """A budget of the network that was given as one of `model`, which padding has made larger."""
        return asked * Fraction(dense.prunable_macs, self.cost.prunable_macs)

    def checked(self, engine: BakedEngine) -> BakedEngine:
        """An engine whose layers are noted, and fit where they must.

        Raises:
            PlanError: exit code 3, where one of them does not and was required to.
        """
        if not self.request.maps:
            return engine
        if engine.name not in self.layers:
            self.layers[engine.name] = mapped_by_search(engine.model, engine.plan, weight_values(self.model))
        bound = [layer for layer in self.layers[engine.name] if layer.must_fit]
        if self.request.mapping == REQUIRE:
            for layer in bound:
                if layer.state == DENSE:
                    raise _unmet(f"engine {engine.name}: {layer.name}", layer.reason, layer.detail)
            if not bound:
                raise _unmet(f"engine {engine.name}", "N>M/2", "no layer keeps half of its weights or less")
        return engine

    def to_dict(self) -> dict[str, Any]:
        """What was done, as JSON-ready values."""
        return {
            "mapping": self.request.mapping,
            "padding": _padding(self.request, self.padded),
            "order": _order(self.ordered),
            "layers": {name: [vars(layer) for layer in layers] for name, layers in self.layers.items()},
            "psnr_to_given": self.to_given,
        }


def require_mappable(model: onnx.ModelProto, request: HardwareRequest) -> None:
    """Refuse at once what `Hardware.checked` would refuse after the search, for the shapes of layers alone.

    Raises:
        PlanError: exit code 3; names the first layer that 2:4 hardware cannot take whatever its weights are.
    """
    if request.mapping != REQUIRE:
        return
    for layer in prunable_layers(model):
        verdict = refused_by_shape(layer)
        if not verdict.eligible and not (verdict.reason == "C%4" and request.padding != NEVER):
            raise _unmet(layer.name, verdict.reason, verdict.detail)


def fit_dense(
    dense: onnx.ModelProto,
    cost: Cost,
    request: HardwareRequest,
    trains: bool,
    inputs: Sequence[npt.NDArray[np.float32]],
) -> Hardware:
    """Pad a network that is still to be searched; it computes what it did.

    Args:
        dense: it, after the import passes.
        cost: of it.
        request: what to do.
        trains: whether the search goes on to train, which may put the filters to use that padding adds.
        inputs: NCHW batches that prove it.

    Raises:
        ModelError: a width cannot be padded and shall be; names the node.
        PlanError: exit code 3, where a layer cannot fit that must.
    """
    context = PassContext(tuple(inputs))
    padded, model = None, dense
    if request.padding != NEVER:
        which = FIT if (request.mapping, request.padding) == (REQUIRE, AUTO) else request.padding
        padded = pad(model, request.multiple, which, DEVICES[request.device], cost.output_hw, context)
        model = padded.model
        require_mappable(model, replace(request, padding=NEVER))
    own = costs(model, cost.output_hw) if padded and padded.added else cost
    if own is not cost and not trains:
        own = _without_zero_filters(own, cost)
    return Hardware(model, None, own, request, padded)


def fit_sparse(
    sparse: onnx.ModelProto,
    plan: Plan,
    cost: Cost,
    request: HardwareRequest,
    engine: str,
    seed: int,
    inputs: Sequence[npt.NDArray[np.float32]],
    progress: StageProgress,
) -> Hardware:
    """Map a network that is sparse already.

    Args:
        sparse: it, after the import passes.
        plan: its plan.
        cost: of it, dense.
        request: what to do.
        engine: name of the one engine.
        seed: of the search for an order.
        inputs: NCHW batches that prove that permuting changes nothing.
        progress: told as work proceeds.

    Raises:
        UsageError: it shall be padded.
    """
    if request.padding != NEVER:
        raise UsageError(
            "--pad does not go with --plan",
            why="new channels would move the groups of M that the plan speaks of",
            hint="pad before training, or compile without --pad",
        )
    if not request.maps:
        return Hardware(sparse, plan, cost, request)
    effort = Effort(seconds=request.seconds, seed=seed)
    mapped = map_sparse(sparse, plan, effort, PassContext(tuple(inputs)), progress)
    return Hardware(mapped.model, mapped.plan, cost, request, None, mapped.ordered, {engine: mapped.layers})


def _without_zero_filters(wide: Cost, dense: Cost) -> Cost:
    """The cost of a padded network without the filters that padding has added: they are zeros, whatever is kept.

    Args:
        wide: of the padded network.
        dense: of the network before.
    """
    before = {layer.name: layer for layer in dense.layers}
    layers = []
    for layer in wide.layers:
        shape = (before[layer.name].shape[0], *layer.shape[1:]) if layer.prunable else layer.shape
        macs = layer.positions * math.prod(shape)
        layers.append(replace(layer, shape=shape, macs=macs))
    left = replace(wide, layers=tuple(layers))
    return replace(left, params=dense.params - dense.prunable_weights + left.prunable_weights)


def _unmet(where: str, reason: str, detail: str) -> PlanError:
    hints = {"C%4": "--pad auto or --pad always adds channels", "N>M/2": "use a smaller --budget"}
    return PlanError(
        "a layer cannot be mapped to 2:4 hardware",
        where=where,
        why=f"{reason}: {detail}",
        hint=hints.get(reason, "--map-2to4 auto maps the other layers"),
        exit_code=3,
    )


def _padding(request: HardwareRequest, padded: Padded | None) -> dict[str, Any] | None:
    if padded is None:
        return None
    return {
        "which": request.padding,
        "multiple": request.multiple,
        "device": request.device,
        "widths": [vars(width) for width in padded.widths],
        "macs_before": padded.macs[0],
        "macs_after": padded.macs[1],
        "least_seconds_before": padded.seconds[0],
        "least_seconds_after": padded.seconds[1],
        "max_abs": padded.max_abs,
    }


def _order(ordered: Ordered | None) -> dict[str, Any] | None:
    if ordered is None or ordered.search is None:
        return None
    kept: Mapping[str, tuple[float, float]] = ordered.search.kept
    return {
        "exchanges": ordered.search.exchanges,
        "finished": ordered.search.finished,
        "energy_kept": {name: {"before": before, "after": after} for name, (before, after) in kept.items()},
        "max_abs": ordered.max_abs,
    }

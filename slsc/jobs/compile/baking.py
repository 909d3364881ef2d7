"""An engine on its way into the bundle: the baked graph, its plan, what it costs and how well it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import onnx

from slsc.jobs.compile.artefacts import Artefacts, make_artefacts
from slsc.jobs.compile.measuring import HeldOut, Quality
from slsc.jobs.type.precision import TypedNetwork
from slsc.passes.analysis.cost import Cost, PlanCost, costs, plan_cost
from slsc.passes.analysis.liveness import bytes_per_pixel
from slsc.passes.artefacts import FORMS
from slsc.passes.bake import BakeMasks
from slsc.passes.base import PassContext
from slsc.passes.narrowing import narrow_cost
from slsc.passes.pipeline import Pipeline
from slsc.plan import Plan
from slsc.runtime.bundle.engines import FLOAT32, Artefact, Candidate, Engine, Scale, Types
from slsc.runtime.bundle.manifest import ImageIO
from slsc.search.base import SearchResult


@dataclass(frozen=True)
class BakedEngine:
    """An engine before it is packed.

    Attributes:
        name: its name in the bundle.
        model: the graph with the pruned weights in it.
        plan: N:M per layer.
        cost: what the plan leaves of the network's cost.
        dense: cost of the network before.
        quality: measured on held-out photos.
        io: how pixels enter and leave it.
        precision: what it is to compute in.
        typed: the graph with types in it; None for float32. `quality` is of it.
        untyped: why it is float32 where other types were to be tried; else empty.
    """

    name: str
    model: onnx.ModelProto
    plan: Plan
    cost: PlanCost
    dense: Cost
    quality: Quality
    io: ImageIO
    precision: str = FLOAT32
    typed: TypedNetwork | None = None
    untyped: str = ""

    @cached_property
    def artefacts(self) -> Artefacts:
        """It in every form there is."""
        return make_artefacts(self.typed.model if self.typed else self.model, self.plan, self.io, self.precision)

    @property
    def share_of_all(self) -> float:
        """Kept / dense MACs over the whole network, where layers count that a budget does not reach."""
        return self.cost.weight_macs / self.dense.weight_macs

    def engine(self) -> Engine:
        """What the manifest says of it."""
        return Engine(
            name=self.name,
            artefacts={kind: Artefact(self._entry(kind)) for kind in self.artefacts.made},
            budget=self.plan.budget,
            kept_share=float(self.cost.share),
            params=self.dense.params,
            kept_weights=self.cost.params,
            macs_per_pixel=self.cost.macs_per_pixel,
            bytes_per_pixel=bytes_per_pixel(self.model),
            quality=self._figures(),
            plan=self.plan,
            refusals=self.artefacts.refusals,
            types=self._types(),
        )

    def in_types(self, precision: str, typed: TypedNetwork) -> BakedEngine:
        """It with types."""
        quality = replace(
            typed.quality,
            psnr_to_dense=self.quality.psnr_to_dense and typed.quality.psnr_to_dense,
            max_abs_to_dense=self.quality.max_abs_to_dense and typed.quality.max_abs_to_dense,
        )
        return replace(self, precision=precision, typed=typed, quality=quality)

    def candidate(self) -> Candidate:
        """What a tile is given with it."""
        psnr = self.quality.against_truth()
        return Candidate(self.name, self.share_of_all, psnr)

    def entries(self) -> Iterator[tuple[str, bytes]]:
        """Its files in the bundle."""
        for kind, data in self.artefacts.made.items():
            yield self._entry(kind), data

    def _figures(self) -> dict[str, float]:
        loss = self.typed.loss if self.typed else None
        return {**self.quality.to_dict(), **({} if loss is None else {"loss_db": loss})}

    def _types(self) -> Types | None:
        if self.typed is None:
            return None
        layers = {layer.name: layer.precision for layer in self.typed.layers}
        return Types(self.precision, layers, {name: Scale(*each) for name, each in self.typed.scales.items()})

    def _entry(self, kind: str) -> str:
        return f"engines/{self.name}.{FORMS[kind].suffix}"


def bake(
    name: str,
    dense: onnx.ModelProto,
    found: SearchResult,
    cost: Cost,
    held_out: HeldOut,
    given: Cost | None = None,
) -> BakedEngine:
    """Write a search's result into a copy of the dense network, or of what takes its place, and measure it.

    Args:
        name: of the engine.
        dense: the network before the search.
        found: what the search found.
        cost: of the dense network.
        held_out: photos to measure on.
        given: cost of the network that shares are of, where `dense` is a padded copy of it.
    """
    baked = Pipeline([BakeMasks(found.plan, found.weights, found.masks)]).run(found.model or dense, PassContext())
    model = baked.model
    if found.model is None:
        kept = plan_cost(cost, {layer.name: layer.n for layer in found.plan.layers}, found.plan.layers[0].m)
    else:
        kept = narrow_cost(cost, costs(model, cost.output_hw))
    given = given or cost
    share = Fraction(kept.prunable_macs, given.prunable_macs or 1)
    plan, kept = replace(found.plan, kept_share=float(share)), replace(kept, share=share)
    return BakedEngine(name, model, plan, kept, given, held_out.quality(model), held_out.io)

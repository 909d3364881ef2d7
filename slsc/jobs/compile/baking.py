"""An engine on its way into the bundle: the baked graph, its plan, what it costs and how well it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import onnx

from slsc.jobs.compile.measuring import HeldOut, Quality
from slsc.jobs.compile.native_plan import native_plan
from slsc.passes.analysis.cost import Cost, PlanCost, costs, plan_cost
from slsc.passes.analysis.liveness import bytes_per_pixel
from slsc.passes.bake import BakeMasks
from slsc.passes.base import PassContext
from slsc.passes.lowering import LoweringRefusal
from slsc.passes.narrowing import narrow_cost
from slsc.passes.pipeline import Pipeline
from slsc.plan import Plan
from slsc.runtime.bundle.manifest import Engine, ImageIO
from slsc.search.base import SearchResult


@dataclass(frozen=True)
class BakedEngine:
    """An engine before it is packed.

    Attributes:
        name: its name in the bundle.
        model: the graph with the pruned weights in it.
        plan: N:M per layer.
        cost: what the plan leaves of the network's cost.
        dense_params: parameters of the network before.
        quality: measured on held-out photos.
        io: how pixels enter and leave it.
    """

    name: str
    model: onnx.ModelProto
    plan: Plan
    cost: PlanCost
    dense_params: int
    quality: Quality
    io: ImageIO

    @cached_property
    def lowered(self) -> tuple[bytes | None, str]:
        """The plan file of the native engine, or None and the reason."""
        try:
            return native_plan(self.model, self.plan, self.io), ""
        except LoweringRefusal as refusal:
            return None, str(refusal)

    def engine(self) -> Engine:
        """What the manifest says of it."""
        data, refusal = self.lowered
        return Engine(
            name=self.name,
            file=f"engines/{self.name}.onnx",
            budget=self.plan.budget,
            kept_share=float(self.cost.share),
            params=self.dense_params,
            kept_weights=self.cost.params,
            macs_per_pixel=self.cost.macs_per_pixel,
            bytes_per_pixel=bytes_per_pixel(self.model),
            quality=self.quality.to_dict(),
            plan=self.plan,
            plan_file=None if data is None else f"engines/{self.name}.nmp",
            not_lowered=refusal,
        )

    def entries(self) -> Iterator[tuple[str, bytes]]:
        """Its files in the bundle."""
        engine = self.engine()
        yield engine.file, self.model.SerializeToString(deterministic=True)
        if engine.plan_file and self.lowered[0]:
            yield engine.plan_file, self.lowered[0]


def bake(name: str, dense: onnx.ModelProto, found: SearchResult, cost: Cost, held_out: HeldOut) -> BakedEngine:
    """Write a search's result into a copy of the dense network, or of what takes its place, and measure it.

    Args:
        name: of the engine.
        dense: the network before the search.
        found: what the search found.
        cost: of the dense network.
        held_out: photos to measure on.
    """
    baked = Pipeline([BakeMasks(found.plan, found.weights, found.masks)]).run(found.model or dense, PassContext())
    model = baked.model
    if found.model is None:
        kept = plan_cost(cost, {layer.name: layer.n for layer in found.plan.layers}, found.plan.layers[0].m)
    else:
        kept = narrow_cost(cost, costs(model, cost.output_hw))
    return BakedEngine(name, model, found.plan, kept, cost.params, held_out.quality(model), held_out.io)

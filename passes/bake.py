"""Writing the search's result into the graph: weights times masks, each checked against the plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from slsc.errors import PlanError
from slsc.passes.analysis.layers import conv_layers
from slsc.passes.base import Pass, PassContext, PassResult, PostconditionError, copy_of
from slsc.passes.graph import set_initializer
from slsc.passes.weights import Weight, Weights, weight_values
from slsc.pattern import first_2to4_violation, first_violation
from slsc.plan import LayerPlan, Plan, mask_digest


class BakeMasks(Pass):
    """Weights and masks of a plan -> the initializers of the graph.

    1. Every layer of the plan is a prunable layer of the graph, and has a mask of its weight's shape.
    2. A mask keeps at most N of every M, obeys 2:4 where the rule says so and N <= M/2, and has the plan's SHA-256.
    3. The initializer becomes weight * mask in its own dtype; a layer without new weights keeps its own. Where it holds
       integers they stand for numbers as before (`slsc.passes.weights`), saturate, and are the zero point where masked.
    4. Other arrays in `weights` (biases, layers that stay dense) replace the initializer of their name.
    5. Values that are not finite in the initializer's dtype are refused.

    Running it twice changes nothing the second time.

    Args:
        plan: N:M per layer.
        weights: arrays keyed by initializer name.
        masks: True where kept, keyed as the plan's layers.
    """

    name = "bake-masks"
    preserves_function = False

    def __init__(
        self,
        plan: Plan,
        weights: Mapping[str, npt.NDArray[Any]],
        masks: Mapping[str, npt.NDArray[np.bool_]],
    ) -> None:
        self.plan, self.weights, self.masks = plan, weights, masks

    def requires(self, model: onnx.ModelProto, context: PassContext) -> None:
        """Rules 1 and 2: a plan that does not fit the model is a `PlanError`."""
        layers = {layer.name: layer for layer in conv_layers(model)}
        for planned in self.plan.layers:
            layer = layers.get(planned.name)
            if layer is None or not layer.prunable:
                why = layer.reason if layer else "the graph has no convolution weight of that name"
                raise PlanError("the plan does not fit the model", where=planned.name, why=why)
            if planned.name not in self.masks:
                raise PlanError("the layer has no mask", where=planned.name)
            _require_mask(planned, self.masks[planned.name], layer.shape)

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Rules 3 to 5."""
        result = copy_of(model)
        current = Weights(result).by_name()
        strangers = set(self.weights) - set(current)
        if strangers:
            raise PlanError("the graph has no initializer of that name", where=min(strangers))
        changed = []
        for name in dict.fromkeys([layer.name for layer in self.plan.layers] + list(self.weights)):
            fresh = self._baked(name, current[name])
            if not np.array_equal(fresh, current[name].stored):
                set_initializer(result, name, fresh)
                changed.append(name)
        kept = sum(int(self.masks[layer.name].sum()) for layer in self.plan.layers)
        return PassResult(result, bool(changed), {"written": changed, "kept_weights": kept})

    def ensures(self, model: onnx.ModelProto, context: PassContext) -> None:
        """Every planned layer is zero outside its mask, hence N:M."""
        written = weight_values(model)
        for planned in self.plan.layers:
            if np.any(written[planned.name][~self.masks[planned.name]]):
                raise PostconditionError("a masked weight is not zero", where=planned.name)
        require_pattern(self.plan, written)

    def _baked(self, name: str, old: Weight) -> npt.NDArray[Any]:
        fresh = np.asarray(self.weights.get(name, old.values))
        if fresh.shape != old.stored.shape:
            raise PlanError(f"the new weights are shaped {list(fresh.shape)}, not {list(old.stored.shape)}", where=name)
        if name in self.masks:
            # where(), not a product: -0.0 and NaN must not survive under the mask.
            fresh = np.where(self.masks[name], fresh, 0)
        baked = old.restored(fresh) if np.isfinite(fresh).all() else None
        if baked is None or not np.isfinite(baked).all():
            raise PlanError(f"the new weights hold values that are no finite {old.stored.dtype}", where=name)
        return baked


def require_pattern(plan: Plan, weights: Mapping[str, npt.NDArray[Any]]) -> None:
    """Assert the N:M, and the 2:4 where promised, of every planned layer.

    Raises:
        PostconditionError: naming the layer and the first bad group.
    """
    for planned in plan.layers:
        if planned.name not in weights:
            raise PostconditionError("a layer of the plan is missing", where=planned.name)
        bad = pattern_violation(planned, weights[planned.name])
        if bad:
            raise PostconditionError("the weights break the plan's pattern", where=planned.name, why=bad)


def pattern_violation(planned: LayerPlan, weight: npt.NDArray[Any]) -> str:
    """Where `weight` breaks the pattern of `planned`; empty when it does not."""
    at = first_violation(weight, planned.n, planned.m)
    if at is not None:
        return f"more than {planned.n}:{planned.m} in the group at (k,c,r,s) = {at}"
    if planned.rule == "magnitude+2:4" and 2 * planned.n <= planned.m:
        at = first_2to4_violation(weight)
        if at is not None:
            return f"more than 2:4 in the window at (k,c,r,s) = {at}"
    return ""


def _require_mask(planned: LayerPlan, mask: npt.NDArray[np.bool_], shape: tuple[int, ...]) -> None:
    if mask.shape != shape or mask.dtype != np.bool_:
        found = f"the mask is {mask.dtype}{list(mask.shape)}, the weight {list(shape)}"
        raise PlanError("the mask does not fit the weight", where=planned.name, why=found)
    bad = pattern_violation(planned, mask)
    if bad:
        raise PlanError("the mask breaks the plan's pattern", where=planned.name, why=bad)
    if mask_digest(mask) != planned.mask_sha256:
        raise PlanError("the mask is not the one the plan was made with", where=planned.name, why="SHA-256 differs")

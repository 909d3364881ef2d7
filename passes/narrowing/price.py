"""What a narrower network costs, in the terms budgets are given in: the whole network's prunable layers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from slsc.passes.analysis.cost import Cost, LayerCost, PlanCost
from slsc.passes.narrowing.channels import Channels


def narrow_share(cost: Cost, channels: Channels, keep: npt.NDArray[np.bool_]) -> Fraction:
    """Kept / dense MACs over the prunable layers.

    Args:
        cost: of the whole network.
        channels: its channels.
        keep: (channels.count,) bool, True for the classes kept.
    """
    kept = sum(layer.positions * _weights_left(layer, channels, keep) for layer in cost.layers if layer.prunable)
    return Fraction(kept, cost.prunable_macs or 1)


def narrow_cost(whole: Cost, narrow: Cost) -> PlanCost:
    """What narrowing left of `whole`, counted on the narrow network at the same size.

    The layers a budget counts are those prunable in the whole network: narrowing may leave one too few channels to be
    prunable itself.
    """
    names = {layer.name for layer in whole.layers if layer.prunable}
    layers = [layer for layer in narrow.layers if layer.name in names]
    macs = sum(layer.macs for layer in layers)
    return PlanCost(
        prunable_macs=macs,
        weight_macs=narrow.weight_macs,
        prunable_weights=sum(layer.weights for layer in layers),
        params=narrow.params,
        share=Fraction(macs, whole.prunable_macs or 1),
        macs_per_pixel=narrow.macs_per_pixel,
    )


def _weights_left(layer: LayerCost, channels: Channels, keep: npt.NDArray[np.bool_]) -> int:
    extents = (
        int(keep[channels.axes[layer.name, axis]].sum()) if (layer.name, axis) in channels.axes else extent
        for axis, extent in enumerate(layer.shape)
    )
    return math.prod(extents)

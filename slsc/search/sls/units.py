"""Units: the weights of one rank of every group (SLS, Eq. 1), as one small number a weight.

The number of a weight is its *slot*: in a full group the unit 0..M-1, which is its rank; in a short last group M plus
the unit at which the group's share first takes its rank in. Short groups look at the number of gates that are open
rather than at single ones, so that they keep what `slsc.pattern.kept_in_group` says of N whichever units N is made of.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from slsc.errors import UsageError
from slsc.passes.analysis.cost import Cost
from slsc.pattern import count_kept, group_sizes, kept_in_group
from slsc.search.base import Rules
from slsc.search.ranking import rank_weights

LARGEST_M = 128
"""Slots of two times M are numbered in one byte."""


def require_units(rules: Rules, *, ordered: bool) -> None:
    """Refuse rules that units cannot follow.

    Raises:
        UsageError: M is too large, or units may leave out of order where the mask rule needs the order.
    """
    if rules.m > LARGEST_M:
        raise UsageError(f"sls does not take groups of M = {rules.m}", hint=f"use --m {LARGEST_M} at most")
    if not ordered and rules.rule != "magnitude":
        raise UsageError(
            f"rule {rules.rule} does not go with unordered units",
            why="it holds for the first N ranks, not for any N of them",
            hint="use --rule magnitude",
        )


def slots_of(weight: Tensor, rules: Rules) -> Tensor:
    """The slot of every weight, uint8 in the weight's shape (K, C, ...)."""
    ranks = rank_weights(weight, rules)
    size = group_sizes(weight.shape[1], rules.m)[-1]
    if size < rules.m:
        table = torch.tensor(_short_slots(size, rules.m), dtype=torch.uint8, device=weight.device)
        ranks[:, -size:] = table[ranks[:, -size:].int()]
    return ranks


def slot_macs(cost: Cost, names: tuple[str, ...], m: int) -> npt.NDArray[np.int64]:
    """MACs of every slot of the layers `names`, (layers, 2 M); they sum to the layers' dense MACs."""
    layers = {layer.name: layer for layer in cost.layers}
    rows = []
    for name in names:
        shape, positions = layers[name].shape, layers[name].positions
        per_channel = layers[name].weights // shape[1]
        full, short = divmod(shape[1], m)
        steps = np.diff([0, *(kept_in_group(n, m, short) for n in range(1, m + 1))]) if short else np.zeros(m, int)
        rows.append(positions * per_channel * np.concatenate([np.full(m, full), steps]))
    return np.array(rows, np.int64)


def macs_by_n(cost: Cost, names: tuple[str, ...], m: int) -> npt.NDArray[np.int64]:
    """MACs of the layers `names` by N, (layers, M + 1), the first column for N = 0: what `plan_cost` counts."""
    layers = {layer.name: layer for layer in cost.layers}
    return np.array(
        [[0, *(layers[n].positions * count_kept(layers[n].shape, kept, m) for kept in range(1, m + 1))] for n in names],
        np.int64,
    )


def _short_slots(size: int, m: int) -> list[int]:
    """The slot of each rank of a short group: M and the smallest N - 1 at which the rank is kept."""
    counts = [kept_in_group(n, m, size) for n in range(1, m + 1)]
    return [m + next(index for index, count in enumerate(counts) if count > rank) for rank in range(size)]

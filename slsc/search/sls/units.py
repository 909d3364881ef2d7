"""Units: the weights of one rank of every group (SLS, Eq. 1), as one small number a weight."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from slsc.pattern import group_sizes, kept_in_group, rank_groups
from slsc.search.base import Rules


def unit_of(weight: Tensor, rules: Rules) -> Tensor:
    """The unit 0..M-1 of every weight, uint8 in the weight's shape: it is kept exactly at N above that.

    In a full group the unit is the rank by magnitude. A short last group keeps its share, so several units of it are
    empty.

    Args:
        weight: (K, C, ...).
        rules: group size and mask rule.
    """
    ranks = rank_groups(np.abs(weight.detach().cpu().float().numpy()), rules.m, rules.rule)
    table = np.zeros((len(group_sizes(weight.shape[1], rules.m)), rules.m), np.uint8)
    for row, size in enumerate(group_sizes(weight.shape[1], rules.m)):
        table[row, :size] = _units_of_ranks(size, rules.m)
    groups = np.arange(weight.shape[1]) // rules.m
    units = table[groups.reshape(1, -1, *[1] * (ranks.ndim - 2)), ranks]
    return torch.from_numpy(units).to(weight.device)


def unit_sizes(shape: tuple[int, ...], m: int) -> list[int]:
    """How many weights of shape (K, C, ...) each of the M units has."""
    rows = int(np.prod(shape, dtype=np.int64)) // shape[1]
    sizes = group_sizes(shape[1], m)
    kept = [sum(kept_in_group(n, m, size) for size in sizes) for n in range(1, m + 1)]
    return [rows * count for count in np.diff([0, *kept]).tolist()]


def mask_of(units: Tensor, kept: Tensor) -> np.ndarray:
    """Bool mask, True where a weight's unit is kept; `kept` is (M,), above 0 for those that are."""
    mask: np.ndarray = (kept.detach().cpu() > 0)[units.cpu().long()].numpy()
    return mask


def _units_of_ranks(size: int, m: int) -> list[int]:
    """The unit of each rank of a group of `size`: the smallest N - 1 at which the rank is kept."""
    counts = [kept_in_group(n, m, size) for n in range(1, m + 1)]
    return [next(index for index, count in enumerate(counts) if count > rank) for rank in range(size)]



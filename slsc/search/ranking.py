"""`slsc.pattern.rank_groups` on torch tensors, fast enough to rank a network's weights at every step."""

from __future__ import annotations

import torch
from torch import Tensor

from slsc.pattern import WINDOW, WINDOW_KEEP, group_sizes, kept_in_group
from slsc.search.base import Rules

_BEHIND = 1 << 10
"""More than any rank: moves what the 2:4 rule leaves out behind everything it takes."""


def rank_weights(weight: Tensor, rules: Rules) -> Tensor:
    """Rank of every weight within its group by magnitude, 0 the largest; equal to `slsc.pattern.rank_groups`.

    Args:
        weight: (K, C, ...), finite.
        rules: group size and mask rule.

    Returns:
        uint8, the weight's shape and device.
    """
    magnitude = weight.detach().abs().movedim(1, -1)
    parts = magnitude.split(group_sizes(weight.shape[1], rules.m), -1)
    return torch.cat([_rank_group(part, rules) for part in parts], -1).movedim(-1, 1).contiguous()


def limits(channels: int, n: int, rules: Rules, axes: int) -> Tensor:
    """How many weights the group of each channel keeps at N, (1, C, 1, ...) of `axes` axes."""
    sizes = group_sizes(channels, rules.m)
    kept = torch.tensor([kept_in_group(n, rules.m, size) for size in sizes], dtype=torch.int16)
    return kept.repeat_interleave(torch.tensor(sizes)).reshape(1, -1, *[1] * (axes - 2))


def _rank_group(magnitude: Tensor, rules: Rules) -> Tensor:
    """Ranks along the last axis, which is one group."""
    ranks = _places(torch.argsort(magnitude, dim=-1, descending=True, stable=True))
    if rules.rule == "magnitude+2:4":
        windows = magnitude.split(WINDOW, -1)
        inside = torch.cat([_places(torch.argsort(w, dim=-1, descending=True, stable=True)) for w in windows], -1)
        ranks = _places(torch.argsort(ranks + _BEHIND * (inside >= WINDOW_KEEP), dim=-1))
    return ranks.to(torch.uint8)


def _places(order: Tensor) -> Tensor:
    """The inverse of the permutations along the last axis."""
    numbers = torch.arange(order.shape[-1], dtype=torch.int16, device=order.device).expand_as(order)
    return torch.empty_like(order, dtype=torch.int16).scatter_(-1, order, numbers)

"""From the trained k of the layers to their binary gates (SLS, Eq. 3 and 4)."""

from __future__ import annotations

import torch
from torch import Tensor

from slsc.search.sls.settings import SlsSettings


def gates(k: Tensor, settings: SlsSettings) -> Tensor:
    """Which units are kept: b of Eq. 3, shape (layers, M), of zeros and ones, for k of shape (layers, M - 1).

    Forward, b_i = 1 where p_i > tau; backward, b_i has the gradient of p_i (straight-through). p_1 = 1, so the first
    unit always stays.
    """
    used = k.clamp(0.0, settings.most)
    p = torch.cat([torch.ones_like(used[:, :1]), used.cumprod(1) if settings.ordered else used], 1)
    return (p > settings.threshold).to(p.dtype) + (p - p.detach())


def start_of(n: int, m: int, settings: SlsSettings) -> Tensor:
    """The k of a layer, shape (M - 1,), whose gates keep `n` of M units; all ones at n = m.

    Below that p falls smoothly, so that the n-th unit is the next to go and the one after it the next to come.
    """
    k = torch.ones(m - 1)
    if n == m:
        return k
    if settings.ordered:  # p_n is half a unit above the threshold, p_(n+1) half a unit below
        return k * settings.threshold ** (1 / (n - 0.5))
    k[n - 1 :] = 0.0
    return k

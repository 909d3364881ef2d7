"""From the trained k of the layers to their binary gates (SLS, Eq. 3 and 4)."""

from __future__ import annotations

import torch
from torch import Tensor

from slsc.search.sls.settings import SlsSettings


def scores(k: Tensor, settings: SlsSettings) -> Tensor:
    """The priority p of every unit, shape (layers, M), for k of shape (layers, M - 1); p_1 = 1 in every layer."""
    used = k.clamp(0.0, settings.most)
    return torch.cat([torch.ones_like(used[:, :1]), used.cumprod(1) if settings.ordered else used], 1)


def gates(p: Tensor, settings: SlsSettings) -> Tensor:
    """Which units are kept: b of Eq. 3, of exact zeros and ones, in the shape of `p`.

    Forward, b_i = 1 where p_i > tau; backward, b_i has the gradient of p_i (straight-through).
    """
    return (p > settings.threshold).to(p.dtype) + (p - p.detach())


def slot_gates(b: Tensor, settings: SlsSettings) -> Tensor:
    """The gates of the slots (see `slsc.search.sls.units`), (layers, 2 M): b, then b with the open ones first."""
    return torch.cat([b, b if settings.ordered else b.sort(1, descending=True).values], 1)


def start_of(n: int, m: int) -> Tensor:
    """The k of a layer, shape (M - 1,), whose gates keep `n` of M units: ones up to the n-th, then zeros.

    The units behind it stay shut, as the cost alone reaches a k of 0. Where N starts below M the weights were fitted to
    that N, and those behind it are zeros: opened, they would take the place of good ones.
    """
    k = torch.ones(m - 1)
    k[n - 1 :] = 0.0
    return k


class Gate(torch.autograd.Function):
    """W * b[slot]. A weight gets a gradient where its gate is open; b_s gets the sum over the weights of its slot."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, weight: Tensor, row: Tensor, slots: Tensor) -> Tensor:
        """`weight` (K, C, ...), `row` (2 M,) and `slots`, uint8 in the weight's shape, to the gated weight."""
        ctx.save_for_backward(weight, row, slots)
        return weight * row[slots.int()]

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of weight and row."""
        weight, row, slots = ctx.saved_tensors  # type: ignore[attr-defined]
        needs_weight, needs_row, _ = ctx.needs_input_grad  # type: ignore[attr-defined]
        (gradient,) = gradients
        gated = None
        if needs_row:
            summed = torch.zeros_like(row)
            gated = summed.scatter_add_(0, slots.flatten().long(), (gradient * weight).flatten())
        return (gradient * row[slots.int()] if needs_weight else None), gated, None

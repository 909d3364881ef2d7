"""Which range of a tensor's numbers the 256 integers stand for: chosen by what it does to what is computed of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from slsc.onnx_torch import ConvStep
from slsc.passes.precision.int8 import Grid

SHRINKS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
"""Shares of the largest magnitude, below and above zero, at which the range may be clipped."""


@dataclass(frozen=True)
class Reader:
    """A convolution that reads a tensor: how, and its weight (K, C/groups, kh, kw)."""

    conv: ConvStep
    weight: Tensor


def on_grid(x: Tensor, grid: Grid) -> Tensor:
    """The numbers that QuantizeLinear and DequantizeLinear make of others."""
    info = np.iinfo(grid.dtype)
    return ((x / grid.scale).round_() + grid.zero).clamp_(info.min, info.max).sub_(grid.zero).mul_(grid.scale)


def range_grid(low: float, high: float, signed: bool) -> Grid:
    """The grid that covers low..high and zero; a range of nothing is covered by any."""
    low, high = min(low, 0.0), max(high, 0.0)
    if signed:
        return Grid(_representable(max(-low, high) / 127), 0, signed=True)
    scale = _representable((high - low) / 255)
    return Grid(scale, int(np.clip(np.rint(-low / scale), 0, 255)))


def fitted_grid(x: Tensor, readers: Sequence[Reader], signed: bool) -> Grid:
    """The grid with the least squared error of what convolutions make of a tensor.

    Both ends of the range are tried in turn, each at `SHRINKS` of its own.

    Args:
        x: (B, C, H, W) the tensor.
        readers: the convolutions; at least one.
        signed: as `Grid.signed`; both ends are one then.
    """
    low, high = min(float(x.min()), 0.0), max(float(x.max()), 0.0)
    if signed:
        bound = max(-low, high)
        return min((range_grid(-bound * s, bound * s, True) for s in SHRINKS), key=lambda g: _error(x, readers, g))
    upper = {s: range_grid(low, high * s, False) for s in SHRINKS if s == 1.0 or high > 0}
    best = min(upper, key=lambda s: _error(x, readers, upper[s]))
    lower = {s: range_grid(low * s, high * best, False) for s in SHRINKS if s == 1.0 or low < 0}
    return lower[min(lower, key=lambda s: _error(x, readers, lower[s]))]


def _error(x: Tensor, readers: Sequence[Reader], grid: Grid) -> float:
    change = on_grid(x, grid).sub_(x)
    return sum(float(_convolved(change, reader).square_().mean()) for reader in readers)


def _convolved(x: Tensor, reader: Reader) -> Tensor:
    conv = reader.conv
    top, left, bottom, right = conv.pads
    padded = F.pad(x, (left, right, top, bottom))
    return F.conv2d(padded, reader.weight, None, conv.strides, 0, conv.dilations, conv.groups)


def _representable(scale: float) -> float:
    """As float32 holds it, and above 0."""
    return float(max(np.float32(scale), np.finfo(np.float32).tiny))

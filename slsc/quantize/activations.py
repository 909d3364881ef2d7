"""How the 256 integers stand for a tensor's numbers: chosen by what it does to what convolutions make of them.

A range that holds every value leaves large steps. Clipping the rare ones makes steps smaller, and so does multiplying
each channel so that all have much the same range, which the weights then undo: channels that carry the image are often
a hundred times larger than those beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from slsc.onnx_torch import ConvStep
from slsc.passes.precision.int8 import Grid
from slsc.quantize.rounding import nearest

SHRINKS = tuple(0.8**step for step in range(12))
"""Shares of the largest magnitude, below and above zero, at which the range may be clipped, the largest first."""

PATIENCE = 2
"""Smaller shares are not tried after so many that leave more error than a larger one."""

EXPONENTS = (0.5, 1.0)
"""How far channels are brought to one range: 0 leaves them, 1 makes their largest magnitudes equal."""

WORTH = 0.7
"""Channels are multiplied where that leaves less than this share of the squared error, for it takes a pass more."""

LARGEST_FACTOR = 1e4

DRAWN_WEIGHT = 0.01
"""What the squared error of drawn pictures counts, that of photos being 1."""


Seen = Sequence[tuple[float, Tensor]]
"""Parts of a tensor, (B, C, H, W), and what the mean squared error of each counts."""


@dataclass(frozen=True)
class Reader:
    """A convolution that reads a tensor: how, and its weight (K, C/groups, kh, kw)."""

    conv: ConvStep
    weight: Tensor


@dataclass(frozen=True)
class Quantizer:
    """From a tensor's numbers to those that integers can stand for.

    Attributes:
        grid: of the integers.
        factor: (C,) what channels are multiplied by before; None for 1.
    """

    grid: Grid
    factor: Tensor | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """What a convolution is given of (B, C, H, W), channels still multiplied."""
        info = np.iinfo(self.grid.dtype)
        steps = self.scaled(x) / self.grid.scale
        return steps.round_().add_(self.grid.zero).clamp_(info.min, info.max).sub_(self.grid.zero).mul_(self.grid.scale)

    def scaled(self, x: Tensor) -> Tensor:
        """(B, C, H, W) with its channels multiplied."""
        return x if self.factor is None else x * self.factor.reshape(-1, 1, 1)

    def divided(self, weight: Tensor, groups: int) -> Tensor:
        """The weight that makes of the multiplied channels what `weight` makes of them as they were."""
        return weight if self.factor is None else weight / channels_of(self.factor, weight, groups)


def channels_of(values: Tensor, weight: Tensor, groups: int) -> Tensor:
    """(C,) values of a convolution's input channels, so that they broadcast to its weight (K, C/groups, kh, kw)."""
    rows = values.reshape(groups, -1).repeat_interleave(len(weight) // groups, 0)
    return rows.reshape(*weight.shape[:2], 1, 1)


def range_grid(low: float, high: float, signed: bool) -> Grid:
    """The grid that covers low..high and zero; a range of nothing is covered by any."""
    low, high = min(low, 0.0), max(high, 0.0)
    if signed:
        return Grid(_representable(max(-low, high) / 127), 0, signed=True)
    scale = _representable((high - low) / 255)
    return Grid(scale, int(np.clip(np.rint(-low / scale), 0, 255)))


def fitted(
    photos: Tensor, readers: Sequence[Reader], signed: bool, multiply: bool, drawn: Tensor | None = None
) -> Quantizer:
    """The quantizer with the least squared error of what convolutions with 8-bit weights make of a tensor.

    Args:
        photos: (B, C, H, W) the tensor.
        readers: the convolutions; at least one.
        signed: as `Grid.signed`.
        multiply: whether channels may be multiplied.
        drawn: (B', C, H, W) what the tensor is for drawn pictures, whose mean error counts `DRAWN_WEIGHT`.
    """
    seen = [(1.0, photos)] if drawn is None else [(1.0, photos), (DRAWN_WEIGHT, drawn)]
    plain = _clipped(seen, readers, signed, None)
    if not multiply:
        return plain[1]
    largest = torch.stack([x.abs().amax((0, 2, 3)) for _, x in seen]).amax(0)
    factors = [_factor(largest, exponent) for exponent in EXPONENTS]
    best = min((_clipped(seen, readers, signed, factor) for factor in factors), key=lambda found: found[0])
    return best[1] if best[0] < WORTH * plain[0] else plain[1]


def _factor(largest: Tensor, exponent: float) -> Tensor:
    top = float(largest.max())
    if not top:
        return torch.ones_like(largest)
    return (top / largest.clamp(min=top / LARGEST_FACTOR)) ** exponent


def _clipped(seen: Seen, readers: Sequence[Reader], signed: bool, factor: Tensor | None) -> tuple[float, Quantizer]:
    """The best range for channels that are multiplied by `factor`, and the error it leaves."""
    ends = [Quantizer(Grid(1.0, 0), factor).scaled(x) for _, x in seen]
    low, high = min(0.0, *(float(x.min()) for x in ends)), max(0.0, *(float(x.max()) for x in ends))
    trial = _Trial(seen, readers, factor)
    if signed:
        bound = max(-low, high)
        return _least(lambda share: trial.of(range_grid(-bound * share, bound * share, True)))[1]
    share, found = _least(lambda share: trial.of(range_grid(low, high * share, False)))
    if not low:
        return found
    return _least(lambda lower: trial.of(range_grid(low * lower, high * share, False)))[1]


def _least(measured: Callable[[float], tuple[float, Quantizer]]) -> tuple[float, tuple[float, Quantizer]]:
    """The share of `SHRINKS` that leaves the least error, and what was measured with it."""
    best = (SHRINKS[0], measured(SHRINKS[0]))
    worse = 0
    for share in SHRINKS[1:]:
        found = measured(share)
        best, worse = ((share, found), 0) if found[0] < best[1][0] else (best, worse + 1)
        if worse == PATIENCE:
            break
    return best


class _Trial:
    """Measures grids for one tensor and factor."""

    def __init__(self, seen: Seen, readers: Sequence[Reader], factor: Tensor | None) -> None:
        self._seen, self._factor, self._readers = seen, factor, readers
        self._weights: list[Tensor] = []
        self._wanted: list[list[Tensor]] = []
        quantizer = Quantizer(Grid(1.0, 0), factor)
        for reader in readers:
            divided = quantizer.divided(reader.weight, reader.conv.groups)
            self._weights.append(torch.from_numpy(nearest(divided.numpy()).values))
            self._wanted.append([convolved(x, reader.weight, reader.conv) for _, x in seen])

    def of(self, grid: Grid) -> tuple[float, Quantizer]:
        """The error with a grid, and the quantizer."""
        quantizer = Quantizer(grid, self._factor)
        given, error = [quantizer(x) for _, x in self._seen], 0.0
        for reader, weight, wanted in zip(self._readers, self._weights, self._wanted, strict=True):
            for (share, _), x, y in zip(self._seen, given, wanted, strict=True):
                error += share * float((convolved(x, weight, reader.conv) - y).square_().mean())
        return error, quantizer


def convolved(x: Tensor, weight: Tensor, conv: ConvStep) -> Tensor:
    """What a convolution makes of (B, C, H, W) with a weight, without bias."""
    top, left, bottom, right = conv.pads
    return F.conv2d(F.pad(x, (left, right, top, bottom)), weight, None, conv.strides, 0, conv.dilations, conv.groups)


def _representable(scale: float) -> float:
    """As float32 holds it, and above 0."""
    return float(max(np.float32(scale), np.finfo(np.float32).tiny))

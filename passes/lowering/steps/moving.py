"""Where pixels lie: resizing, padding, and channels that become pixels or the other way round."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from slsc.passes.lowering import nmp_ops
from slsc.passes.lowering.nmp_ops import Coordinates, PadKind, ResizeKind, Rounding
from slsc.passes.lowering.steps.base import Arrays, Space, Step


@dataclass(frozen=True, eq=False, kw_only=True)
class Resize(Step):
    """Resizing by `factor`, or without one to the size of the second input."""

    kind: ResizeKind
    coordinates: Coordinates
    rounding: Rounding
    cubic: float
    factor: Fraction | None

    def params(self, channels: int, arrays: Arrays) -> nmp_ops.Resize:
        """See `Step.params`."""
        up, down = self.factor.as_integer_ratio() if self.factor else (0, 0)
        return nmp_ops.Resize(channels, self.kind, self.coordinates, up, down, self.rounding, self.cubic)

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        if self.factor is not None:
            return ins[0].scaled(self.factor, self.factor)
        return replace(ins[1], channels=ins[0].channels)


@dataclass(frozen=True, eq=False, kw_only=True)
class Pad(Step):
    """Padding by (top, left, bottom, right), cropping where they are negative.

    `amounts` are pixels, `shares` such parts of the input's height or width as there are `parts` in it.
    """

    kind: PadKind
    amounts: tuple[int, int, int, int]
    value: float = 0.0
    shares: tuple[int, int, int, int] = (0, 0, 0, 0)
    parts: int = 0

    def params(self, channels: int, arrays: Arrays) -> nmp_ops.Pad:
        """See `Step.params`."""
        return nmp_ops.Pad(channels, self.kind, *self.amounts, *self.shares, self.parts, self.value)

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        if not self.parts:
            return ins[0]
        top, left, bottom, right = self.shares
        down, across = (Fraction(self.parts + both, self.parts) for both in (top + bottom, left + right))
        return ins[0].scaled(down, across)


@dataclass(frozen=True, eq=False, kw_only=True)
class DepthToSpace(Step):
    """Channel k goes to channel k / r^2, row k % r^2 / r, column k % r."""

    block: int

    def params(self, channels: int, arrays: Arrays) -> nmp_ops.DepthToSpace:
        """See `Step.params`."""
        return nmp_ops.DepthToSpace(channels, self.block)

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        return ins[0].scaled(self.block, self.block, ins[0].channels // self.block**2)


@dataclass(frozen=True, eq=False, kw_only=True)
class SpaceToDepth(Step):
    """Pixel (dy, dx) of channel c goes to channel (dy * r + dx) * C + c."""

    block: int

    def params(self, channels: int, arrays: Arrays) -> nmp_ops.SpaceToDepth:
        """See `Step.params`."""
        return nmp_ops.SpaceToDepth(channels, self.block)

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        shrunk = Fraction(1, self.block)
        return ins[0].scaled(shrunk, shrunk, ins[0].channels * self.block**2)

"""Pooling and means."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from slsc.passes.lowering import nmp_ops
from slsc.passes.lowering.nmp_ops import PoolKind
from slsc.passes.lowering.steps.base import Arrays, Space, Step


@dataclass(frozen=True, eq=False, kw_only=True)
class Pool(Step):
    """Maximum or average over windows."""

    kind: PoolKind
    kernel: tuple[int, int]
    strides: tuple[int, int]
    pads: tuple[int, int, int, int]
    ceil: bool

    def params(self, channels: int, arrays: Arrays) -> nmp_ops.Pool:
        """See `Step.params`."""
        return nmp_ops.Pool(channels, self.kind, *self.kernel, *self.strides, *self.pads, int(self.ceil))

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        return ins[0].scaled(Fraction(1, self.strides[0]), Fraction(1, self.strides[1]))


@dataclass(frozen=True, eq=False, kw_only=True)
class GlobalMean(Step):
    """Mean over height and width."""

    def params(self, channels: int, arrays: Arrays) -> nmp_ops.GlobalMean:
        """See `Step.params`."""
        return nmp_ops.GlobalMean(channels)

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        return Space(ins[0].channels, pixel=True)


@dataclass(frozen=True, eq=False, kw_only=True)
class ChannelMean(Step):
    """Mean over channels."""

    def params(self, channels: int, arrays: Arrays) -> nmp_ops.ChannelMean:
        """See `Step.params`."""
        return nmp_ops.ChannelMean(channels)

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        return replace(ins[0], channels=1)

"""Operations on each number by itself."""

from __future__ import annotations

from dataclasses import dataclass

from slsc.passes.lowering import nmp_ops
from slsc.passes.lowering.nmp_ops import BinaryKind, Spread
from slsc.passes.lowering.steps.base import Array, Arrays, Step


@dataclass(frozen=True, eq=False, kw_only=True)
class Binary(Step):
    """Elementwise operation of two tensors."""

    kind: BinaryKind
    spread: Spread

    def params(self, channels: int, arrays: Arrays) -> nmp_ops.Binary:
        """See `Step.params`."""
        return nmp_ops.Binary(channels, self.kind, self.spread)


@dataclass(frozen=True, eq=False, kw_only=True)
class Unary(Step):
    """act(scale * x + shift), scale and shift per channel; without any of them a copy."""

    scale: Array | None = None
    shift: Array | None = None

    def params(self, channels: int, arrays: Arrays) -> nmp_ops.Unary:
        """See `Step.params`."""
        return nmp_ops.Unary(channels, arrays.floats(self.scale), arrays.floats(self.shift))

    @property
    def linear(self) -> bool:
        """Whether it scales or shifts."""
        return self.scale is not None or self.shift is not None

"""Between float32, and integers of 8 bits or bfloat16."""

from __future__ import annotations

from dataclasses import dataclass, replace

from slsc.passes.lowering import nmp_ops
from slsc.passes.lowering.nmp import DType
from slsc.passes.lowering.steps.base import Array, Arrays, Space, Step


@dataclass(frozen=True)
class Quantization:
    """Integers of 0..255 that stand for (integer - zero) * scale."""

    scale: float
    zero: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Quantize(Step):
    """Floats, multiplied by factors per channel, to integers."""

    quantization: Quantization
    factors: Array | None = None

    def params(self, channels: int, arrays: Arrays) -> nmp_ops.Quantize:
        """See `Step.params`."""
        factors = arrays.floats(self.factors)
        return nmp_ops.Quantize(channels, self.quantization.scale, self.quantization.zero, factors)

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        return replace(ins[0], dtype=DType.U8)


@dataclass(frozen=True, eq=False, kw_only=True)
class Dequantize(Step):
    """Integers to floats."""

    quantization: Quantization

    def params(self, channels: int, arrays: Arrays) -> nmp_ops.Dequantize:
        """See `Step.params`."""
        return nmp_ops.Dequantize(channels, self.quantization.scale, self.quantization.zero)

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        return replace(ins[0], dtype=DType.F32)


@dataclass(frozen=True, eq=False, kw_only=True)
class Narrow(Step):
    """Floats to the nearest of bfloat16."""

    def params(self, channels: int, arrays: Arrays) -> nmp_ops.Narrow:
        """See `Step.params`."""
        return nmp_ops.Narrow(channels)

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        return replace(ins[0], dtype=DType.BF16)

"""Convolutions, sparse or dense, in float32, bfloat16 or integers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from slsc.passes.lowering import nmp_ops
from slsc.passes.lowering.nmp import DType
from slsc.passes.lowering.nmp_ops import Combine
from slsc.passes.lowering.steps.base import Array, Arrays, Space, Step
from slsc.passes.lowering.steps.quantizing import Quantization


@dataclass(frozen=True, eq=False)
class Sparsity:
    """N:M of a weight, and the ranks of its values by importance (see `slsc.pattern`)."""

    n: int
    m: int
    ranks: npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Integers:
    """How a convolution computes in integers.

    Attributes:
        weight: int8, of the weight's shape.
        scales: by which each output channel's are multiplied, float32.
        source: what its input stands for.
        target: what its output is to stand for; None where it makes floats.
    """

    weight: npt.NDArray[np.int8]
    scales: Array
    source: Quantization
    target: Quantization | None = None

    def scaled(self, factors: Array) -> Integers:
        """For results multiplied by a factor per output channel."""
        return replace(self, scales=(self.scales.astype(np.float64) * factors).astype(np.float32))

    def permuted(self, order: Array) -> Integers:
        """For output channels in another order."""
        return replace(self, weight=self.weight[order], scales=self.scales[order])


@dataclass(frozen=True, eq=False, kw_only=True)
class Conv(Step):
    """Convolution, with what is fused into its stores. Inputs: the image, and what it is combined with.

    With `integers` it reads integers, and `weight` is what its weights stand for. With `half` it reads bfloat16, of
    which `weight` is, too; with `half_out` it makes bfloat16.
    """

    weight: Array
    bias: Array | None = None
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilations: tuple[int, int] = (1, 1)
    groups: int = 1
    sparsity: Sparsity | None = None
    combine: Combine = Combine.NONE
    shuffle: int = 1
    integers: Integers | None = None
    half: bool = False
    half_out: bool = False

    def params(self, channels: int, arrays: Arrays) -> nmp_ops.Convolution:
        """See `Step.params`."""
        params = self._params(channels, arrays)
        if self.integers is None:
            return nmp_ops.HalfConv(*params) if self.half else params
        source, target = self.integers.source, self.integers.target or Quantization(1.0, 0)
        return nmp_ops.IntConv(*params, source.scale, source.zero, target.scale, target.zero)

    def _params(self, channels: int, arrays: Arrays) -> nmp_ops.Conv:
        made, _, rows, columns = self.weight.shape
        weights, positions = arrays.weights(self)
        return nmp_ops.Conv(
            channels,
            made,
            *(rows, columns, *self.strides, *self.pads, *self.dilations),
            groups=self.groups,
            n=self.sparsity.n if self.sparsity else 0,
            combine=self.combine,
            shuffle=self.shuffle,
            weights=weights,
            positions=positions,
            bias=arrays.floats(self.bias),
        )

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        down, across = (Fraction(self.shuffle, stride) for stride in self.strides)
        made = ins[0].scaled(down, across, len(self.weight) // self.shuffle**2)
        if self.integers and self.integers.target:
            return replace(made, dtype=DType.U8)
        return replace(made, dtype=DType.BF16) if self.half_out else made

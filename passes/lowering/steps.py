"""The lowering's own operations, between ONNX nodes and the plan's: tensors by name, parameters as numbers and arrays.

`ChannelSlice` and `Concat` only say where channels lie; they become offsets. Every other step becomes one operation of
the plan, whose parameters it tells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from slsc.passes.lowering import nmp_ops
from slsc.passes.lowering.nmp import DType
from slsc.passes.lowering.nmp_ops import (
    Act,
    BinaryKind,
    Combine,
    Coordinates,
    PadKind,
    PoolKind,
    ResizeKind,
    Rounding,
    Spread,
)

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Space:
    """What is known of a tensor for images of any size.

    Attributes:
        channels: extent of axis 1.
        pixel: it is one pixel whatever the image, the mean over height and width or what was made of it.
        rows, columns: per row and column of the image, for tensors that are no pixel.
        dtype: of its numbers, F32 or U8.
    """

    channels: int
    pixel: bool = False
    rows: Fraction = Fraction(1)
    columns: Fraction = Fraction(1)
    dtype: DType = DType.F32

    def scaled(self, rows: Fraction | int, columns: Fraction | int, channels: int | None = None) -> Space:
        """So many times the rows and columns; and other channels."""
        channels = self.channels if channels is None else channels
        return Space(channels, self.pixel, self.rows * rows, self.columns * columns)


@dataclass(frozen=True, eq=False)
class Activation:
    """An activation function; `a` and `b` are its numbers as in plan-file.md, `slopes` a PReLU's, one per channel."""

    kind: Act = Act.NONE
    a: float = 0.0
    b: float = 0.0
    slopes: Array | None = None

    def __bool__(self) -> bool:
        return self.kind != Act.NONE

    def repeated(self, times: int) -> Activation:
        """For channels that each stand for `times` channels."""
        return self if self.slopes is None else replace(self, slopes=np.repeat(self.slopes, times))

    def permuted(self, order: Array) -> Activation:
        """For channels taken in another order."""
        return self if self.slopes is None else replace(self, slopes=self.slopes[order])


NO_ACTIVATION = Activation()


@dataclass(frozen=True, eq=False)
class Sparsity:
    """N:M of a weight, and the ranks of its values by importance (see `slsc.pattern`)."""

    n: int
    m: int
    ranks: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Quantization:
    """Integers of 0..255 that stand for (integer - zero) * scale."""

    scale: float
    zero: int


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


class Arrays(Protocol):
    """The arrays of the plan that is being made."""

    def floats(self, values: Array | None) -> int:
        """Index of an array of float32; `nmp.ABSENT` for None."""

    def weights(self, step: Conv) -> tuple[int, int]:
        """Indices of a convolution's weights and of their positions, `nmp.ABSENT` where it is dense."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Step:
    """One operation: the node it is named after in messages, tensors read, tensor made, and how that is activated."""

    label: str
    inputs: tuple[str, ...]
    output: str
    act: Activation = NO_ACTIVATION

    def params(self, channels: int, arrays: Arrays) -> nmp_ops.Params:
        """What the plan's operation does, to the `channels` channels of the first input."""
        raise NotImplementedError(f"{type(self).__name__} is no operation of a plan")

    def space(self, *ins: Space) -> Space:
        """The output's space, from those of the inputs."""
        return ins[0]


@dataclass(frozen=True, eq=False, kw_only=True)
class Conv(Step):
    """Convolution, with what is fused into its stores. Inputs: the image, and what it is combined with.

    With `integers` it reads integers, and `weight` is what its weights stand for.
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

    def params(self, channels: int, arrays: Arrays) -> nmp_ops.Conv | nmp_ops.IntConv:
        """See `Step.params`."""
        params = self._params(channels, arrays)
        if self.integers is None:
            return params
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
        return replace(made, dtype=DType.U8) if self.integers and self.integers.target else made


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


@dataclass(frozen=True, eq=False, kw_only=True)
class Permute(Step):
    """Output channel k is input channel `order[k]` of `channels`. Becomes part of the convolution before it, or one of
    its own."""

    order: Array
    channels: int

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        return replace(ins[0], channels=len(self.order))


@dataclass(frozen=True, eq=False, kw_only=True)
class ChannelSlice(Step):
    """Channels `start` to `start + count`."""

    start: int
    count: int

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        return replace(ins[0], channels=self.count)


@dataclass(frozen=True, eq=False, kw_only=True)
class Concat(Step):
    """All inputs' channels one after the other."""

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        return replace(ins[0], channels=sum(each.channels for each in ins))

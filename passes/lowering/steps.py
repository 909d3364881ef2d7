"""The lowering's own operations, between ONNX nodes and the plan's: tensors by name, parameters as numbers and arrays.

`ChannelSlice` and `Concat` only say where channels lie; they become offsets. Every other step becomes one operation of
the plan (`slsc.passes.lowering.emit`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from slsc.passes.lowering.nmp import (
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
        rows: rows of a strip per row of the image's strip, for tensors that are no pixel.
    """

    channels: int
    pixel: bool = False
    rows: Fraction = Fraction(1)


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


@dataclass(frozen=True, eq=False, kw_only=True)
class Step:
    """One operation: the node it is named after in messages, tensors read, tensor made."""

    label: str
    inputs: tuple[str, ...]
    output: str

    def space(self, *ins: Space) -> Space:
        """The output's space, from those of the inputs."""
        return ins[0]


@dataclass(frozen=True, eq=False, kw_only=True)
class Conv(Step):
    """Convolution, with what is fused into its stores. Inputs: the image, and what it is combined with."""

    weight: Array
    bias: Array | None = None
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilations: tuple[int, int] = (1, 1)
    groups: int = 1
    sparsity: Sparsity | None = None
    act: Activation = NO_ACTIVATION
    combine: Combine = Combine.NONE
    shuffle: int = 1

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        rows = ins[0].rows / self.strides[0] * self.shuffle
        return Space(len(self.weight) // self.shuffle**2, ins[0].pixel, rows)


@dataclass(frozen=True, eq=False, kw_only=True)
class Binary(Step):
    """Elementwise operation of two tensors."""

    kind: BinaryKind
    spread: Spread
    act: Activation = NO_ACTIVATION


@dataclass(frozen=True, eq=False, kw_only=True)
class Unary(Step):
    """act(scale * x + shift), scale and shift per channel; without any of them a copy."""

    scale: Array | None = None
    shift: Array | None = None
    act: Activation = NO_ACTIVATION

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

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        return replace(ins[0], rows=ins[0].rows / self.strides[0])


@dataclass(frozen=True, eq=False, kw_only=True)
class GlobalMean(Step):
    """Mean over height and width."""

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        return Space(ins[0].channels, pixel=True)


@dataclass(frozen=True, eq=False, kw_only=True)
class ChannelMean(Step):
    """Mean over channels."""

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

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        if self.factor is not None:
            return replace(ins[0], rows=ins[0].rows * self.factor)
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

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        if not self.parts:
            return ins[0]
        top, _, bottom, _ = self.shares
        return replace(ins[0], rows=ins[0].rows * Fraction(self.parts + top + bottom, self.parts))


@dataclass(frozen=True, eq=False, kw_only=True)
class DepthToSpace(Step):
    """Channel k goes to channel k / r^2, row k % r^2 / r, column k % r."""

    block: int

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        return Space(ins[0].channels // self.block**2, ins[0].pixel, ins[0].rows * self.block)


@dataclass(frozen=True, eq=False, kw_only=True)
class SpaceToDepth(Step):
    """Pixel (dy, dx) of channel c goes to channel (dy * r + dx) * C + c."""

    block: int

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        return Space(ins[0].channels * self.block**2, ins[0].pixel, ins[0].rows / self.block)


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

"""What all steps have: the spaces and activations of tensors, and where a plan's arrays go."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from slsc.passes.lowering import nmp_ops
from slsc.passes.lowering.nmp import DType
from slsc.passes.lowering.nmp_ops import Act

if TYPE_CHECKING:
    from slsc.passes.lowering.steps.convolution import Conv

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

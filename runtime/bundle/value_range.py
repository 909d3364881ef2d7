"""What a network's values mean: those that stand for black and for white, channel by channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from slsc.runtime.bundle.fields import Fields

LARGEST = 1e6
"""Network values of black and white lie within -LARGEST..LARGEST."""


@dataclass(frozen=True)
class ValueRange:
    """Network values of black and white; a value is low + pixel * (high - low), the pixel 0..1.

    Attributes:
        low: black; one value for all channels alike, or one a channel in the network's own order (blue first, where
            the network takes BGR).
        high: white, likewise.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def uniform(cls, low: float, high: float) -> ValueRange:
        """The same for all channels."""
        return cls((float(low),), (float(high),))

    @classmethod
    def normalised(cls, mean: Sequence[float], deviation: Sequence[float]) -> ValueRange:
        """Of a network that is given (pixel - mean) / deviation, pixels 0..1; one value each, or one a channel."""
        parts = list(zip(mean, deviation, strict=True))
        return cls(tuple(-m / d for m, d in parts), tuple((1 - m) / d for m, d in parts))

    @property
    def span(self) -> tuple[float, ...]:
        """White minus black, as many values as `low` has."""
        return tuple(high - low for low, high in zip(self.low, self.high, strict=True))

    @property
    def mean_span(self) -> float:
        """White minus black, the mean over the channels."""
        return sum(self.span) / len(self.span)

    def planes(self, channels: int) -> tuple[tuple[float, float], ...]:
        """Black and span of every channel."""
        parts = tuple(zip(self.low, self.span, strict=True))
        return parts * channels if len(parts) == 1 else parts

    def to_unit(self, values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
        """Network values (..., C, H, W) with black 0 and white 1, not clipped, of the same type."""
        return (values - _planar(self.low, values.dtype)) / _planar(self.span, values.dtype)

    def from_unit(self, pixels: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
        """Network values of pixels (..., C, H, W), black 0 and white 1, of the same type."""
        return pixels * _planar(self.span, pixels.dtype) + _planar(self.low, pixels.dtype)

    def __str__(self) -> str:
        return ", ".join(f"{low:g}..{high:g}" for low, high in zip(self.low, self.high, strict=True))

    @classmethod
    def from_dict(cls, data: Any, path: str, channels: int) -> ValueRange:
        """Read and check: finite numbers, one or one a channel, white above black in each.

        Raises:
            BundleError: code `BAD_MANIFEST`.
        """
        fields = Fields(data, path)
        value = cls(fields.numbers("low", -LARGEST, LARGEST), fields.numbers("high", -LARGEST, LARGEST))
        fields.close()
        for name, bounds in (("low", value.low), ("high", value.high)):
            if len(bounds) not in (1, channels):
                fields.refuse(name, f"{len(bounds)} values do not go with {channels} channels")
        if len(value.low) != len(value.high):
            fields.refuse("high", "there must be as many as of low")
        if not all(low < high for low, high in zip(value.low, value.high, strict=True)):
            fields.refuse("high", "white must lie above black")
        return value


UNIT = ValueRange.uniform(0.0, 1.0)
"""Black is 0 and white is 1."""


def _planar(values: Sequence[float], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    return np.array(values, dtype).reshape(-1, 1, 1)

"""The taps of one resampled axis: which input elements an output element sums, and with which weights.

After the ONNX operator specification, Resize. Coordinates are float32, as in ONNX Runtime, to round alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sampling:
    """How an image is sampled, apart from sizes: the attributes of Resize under their ONNX values.

    `nearest` may also be "simple", the rounding of opsets below 11.
    """

    mode: str
    coordinates: str
    nearest: str
    cubic_a: float
    exclude_outside: bool
    antialias: bool


@dataclass(frozen=True)
class AxisResize:
    """One axis: its length before and after, and the scale that maps coordinates."""

    length_in: int
    length_out: int
    scale: float

    @property
    def changes(self) -> bool:
        """Whether the axis is resampled at all."""
        return self.length_in != self.length_out or self.scale != 1

    @property
    def is_ratio(self) -> bool:
        """Whether the scale is the ratio of the lengths, nothing having been rounded away."""
        return abs(self.length_out - self.length_in * self.scale) < 1e-4


def taps(size: AxisResize, sampling: Sampling) -> tuple[Places, Floats]:
    """Input positions and weights, both shaped (taps, length_out), weights summing to 1 over the taps."""
    coordinates = _coordinates(size, sampling.coordinates)
    last = size.length_in - 1
    if sampling.mode == "nearest":
        places = np.clip(_rounded(coordinates, sampling.nearest, size.scale < 1), 0, last)[None]
        return places, np.ones(places.shape, np.float32)
    support = 1 if sampling.mode == "linear" else 2
    stretch = max(1.0, 1 / size.scale) if sampling.antialias else 1.0
    radius = int(np.ceil(support * stretch))
    places = np.floor(coordinates).astype(np.int64) + np.arange(1 - radius, radius + 1)[:, None]
    distance = np.abs(places - coordinates) / stretch
    weights = 1 - distance if sampling.mode == "linear" else _cubic(distance, sampling.cubic_a)
    weights = np.where(distance < support, weights, 0)
    if sampling.exclude_outside:
        weights = np.where((places >= 0) & (places <= last), weights, 0)
    return np.clip(places, 0, last), weights / weights.sum(axis=0)


def _coordinates(size: AxisResize, mode: str) -> Floats:
    """Position in the input of every output element."""
    out, scale = np.arange(size.length_out, dtype=np.float32), np.float32(size.scale)
    half = np.float32(0.5)
    if mode == "asymmetric":
        return out / scale
    if mode == "align_corners":
        return out * np.float32(size.length_in - 1) / np.float32(max(size.length_out - 1, 1))
    if mode == "pytorch_half_pixel" and size.length_out == 1:
        return out
    position = (out + half) / scale - half
    if mode == "half_pixel_symmetric":
        adjustment = np.float32(size.length_out) / (scale * np.float32(size.length_in))
        position += np.float32(size.length_in) / 2 * (1 - adjustment)
    return position


def _rounded(coordinates: Floats, mode: str, shrinks: bool) -> Places:
    half = np.float32(0.5)
    rounding = {
        "floor": np.floor(coordinates),
        "ceil": np.ceil(coordinates),
        "simple": np.ceil(coordinates) if shrinks else np.floor(coordinates),
        "round_prefer_floor": np.ceil(coordinates - half),
        "round_prefer_ceil": np.floor(coordinates + half),
    }
    return rounding[mode].astype(np.int64)


def _cubic(distance: Floats, a: float) -> Floats:
    """Keys' cubic convolution kernel (IEEE Trans. ASSP 1981) at distances of at least 0."""
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.where(distance <= 1, near, far)

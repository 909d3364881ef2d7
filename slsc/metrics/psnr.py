"""PSNR: the formula; on luma, as the super-resolution literature measures it; on all channels; between two outputs.

The formula is on the ground floor: every room may import this module, which needs numpy only.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

LUMA = (65.481, 128.553, 24.966)
"""Weights of R, G, B (0..255, divided by 255) in the Y of ITU-R BT.601, studio range 16..235."""


def psnr(mean_square: float, peak: float) -> float:
    """10 log10(peak^2 / mean_square) in dB: infinite for an error of 0, minus infinity for one that is not finite."""
    if mean_square == 0:
        return math.inf
    if not math.isfinite(mean_square) or peak <= 0:
        return -math.inf
    return 10 * math.log10(peak**2 / mean_square)


def psnr_to(reference: npt.NDArray[Any], found: npt.NDArray[Any]) -> float:
    """PSNR in dB between two outputs of any shape, the peak being the range of the reference's values.

    Infinite where they are equal; minus infinity where shapes differ, a value is not finite, or the reference is flat
    and `found` is not the same.
    """
    if found.shape != reference.shape:
        return -math.inf
    error = found.astype(np.float64) - reference
    return psnr(float(np.mean(np.square(error))), float(np.ptp(reference)))


def luma(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Y of an HxWx3 uint8 RGB image, 16..235, not rounded; HxW and HxWx1 are read as RGB with equal channels."""
    if image.ndim == 2 or image.shape[2] == 1:
        image = np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2)
    # One memory layout, so that equal images give equal values to the bit.
    return 16 + np.ascontiguousarray(image, np.float64) @ np.array(LUMA) / 255


def luma_pair(
    restored: npt.NDArray[np.uint8], reference: npt.NDArray[np.uint8], border: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Y of two uint8 images of one size, `border` pixels left out at each side.

    Raises:
        ValueError: the sizes differ, or nothing is left inside the border.
    """
    require_same_size(restored, reference)
    height, width = restored.shape[:2]
    if border < 0 or min(height, width) <= 2 * border:
        raise ValueError(f"an image of {width}x{height} has nothing inside a border of {border} pixels")
    inside = slice(border, height - border), slice(border, width - border)
    return luma(restored)[inside], luma(reference)[inside]


def psnr_y(restored: npt.NDArray[np.uint8], reference: npt.NDArray[np.uint8], border: int) -> float:
    """PSNR in dB of uint8 images on Y, peak 255, `border` pixels left out at each side; infinite where they are equal.

    Raises:
        ValueError: the sizes differ, or nothing is left inside the border.
    """
    return _psnr(*luma_pair(restored, reference, border))


def psnr_all(restored: npt.NDArray[np.uint8], reference: npt.NDArray[np.uint8]) -> float:
    """PSNR in dB of HxWxC uint8 images over all their pixels and channels, peak 255; infinite where they are equal.

    Raises:
        ValueError: the shapes differ.
    """
    require_same_size(restored, reference)
    return _psnr(restored.astype(np.float64), reference.astype(np.float64))


def require_same_size(restored: npt.NDArray[np.uint8], reference: npt.NDArray[np.uint8]) -> None:
    """Raises ValueError, with both sizes in pixels, unless heights and widths are equal."""
    (height, width), other = restored.shape[:2], reference.shape[:2]
    if (height, width) != other:
        raise ValueError(f"sizes differ: {width}x{height} restored, {other[1]}x{other[0]} reference")


def _psnr(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> float:
    return psnr(float(np.mean((first - second) ** 2)), 255)

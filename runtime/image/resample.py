"""Bicubic resizing as MATLAB's `imresize` does it, the convention of the super-resolution literature.

Keys' cubic kernel with a = -0.5, widened by the scale when shrinking (antialiasing), weights normalised, symmetric
border, pixel centres at half-integers. Rows (height) are resized before columns (width).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

KERNEL_WIDTH = 4.0


def imresize(image: npt.NDArray[Any], out_hw: tuple[int, int], *, round_passes: bool) -> npt.NDArray[Any]:
    """Resize a whole image.

    Args:
        image: HxW or HxWxC, any real dtype and range; 0..255 when `round_passes` is set.
        out_hw: output height and width, both >= 1. The scale of each axis is out / in.
        round_passes: round half up and clamp to 0..255 after each of the two passes, as MATLAB does on uint8 input.

    Returns:
        uint8 when `round_passes`, else float32 for float32 input and float64 for any other, not rounded, not clamped.
    """
    return imresize_region(image, out_hw, (0, out_hw[0]), (0, out_hw[1]), round_passes=round_passes)


def imresize_region(
    image: npt.NDArray[Any],
    out_hw: tuple[int, int],
    rows: tuple[int, int],
    columns: tuple[int, int],
    *,
    round_passes: bool = False,
) -> npt.NDArray[Any]:
    """A rectangle of `imresize`'s output, bit-identical to that part of the whole result.

    Only the input pixels which the rectangle needs are touched, so a large output can be made piece by piece.

    Args:
        image: as in `imresize`.
        out_hw: size of the whole output.
        rows: first output row and the one after the last.
        columns: likewise for columns.
        round_passes: as in `imresize`.
    """
    _require_sizes(image, out_hw)
    row_weights, row_indices = _contributions(image.shape[0], out_hw[0], rows)
    column_weights, column_indices = _contributions(image.shape[1], out_hw[1], columns)
    left = int(column_indices.min())
    needed = image[:, left : int(column_indices.max()) + 1]
    band = _resize_first_axis(needed, row_weights, row_indices, round_passes)
    # Transposed so that the gather moves whole contiguous columns instead of single pixels.
    turned = np.ascontiguousarray(band.swapaxes(0, 1))
    resized = _resize_first_axis(turned, column_weights, column_indices - left, round_passes)
    return np.ascontiguousarray(resized.swapaxes(0, 1))


@cache
def phases(scale: int) -> npt.NDArray[np.float32]:
    """Weights of enlarging by a whole number: (scale, 5), for each output of an input pixel those of it and 2 to either
    side. Beyond the image it is mirrored, its border twice."""
    weights, indices = _contributions(16, 16 * scale, (8 * scale, 9 * scale))
    found = np.zeros((scale, 5))
    for phase in range(scale):
        np.add.at(found[phase], np.clip(indices[phase] - 8 + 2, 0, 4), weights[phase])
    return found.astype(np.float32)


def _require_sizes(image: npt.NDArray[Any], out_hw: tuple[int, int]) -> None:
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise ValueError(f"need a non-empty HxW or HxWxC image, got shape {image.shape}")
    if min(out_hw) < 1:
        raise ValueError(f"output size must be at least 1x1, got {out_hw[0]}x{out_hw[1]}")


def _cubic(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Keys' cubic convolution kernel, a = -0.5 (IEEE Trans. ASSP 29(6), 1981, eq. 15)."""
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


def _contributions(
    in_size: int, out_size: int, part: tuple[int, int]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Weights and source indices, each (outputs, taps), of the outputs `part` of one resized axis."""
    if not 0 <= part[0] < part[1] <= out_size:
        raise ValueError(f"outputs {part[0]}..{part[1]} are not inside 0..{out_size}")
    scale = out_size / in_size
    shrink = min(scale, 1.0)
    width = KERNEL_WIDTH / shrink
    # Positions count from 1, as in MATLAB, so that rounding falls as it does there.
    centre = np.arange(part[0] + 1, part[1] + 1) / scale + 0.5 * (1 - 1 / scale)
    left = np.floor(centre - width / 2)
    positions = left[:, None] + np.arange(int(np.ceil(width)) + 2)
    weights = shrink * _cubic(shrink * (centre[:, None] - positions))
    weights /= weights.sum(axis=1, keepdims=True)
    mirror = np.concatenate([np.arange(in_size), np.arange(in_size)[::-1]])
    indices = mirror[(positions.astype(np.int64) - 1) % (2 * in_size)]
    return weights, indices


def _resize_first_axis(
    image: npt.NDArray[Any], weights: npt.NDArray[np.float64], indices: npt.NDArray[np.int64], round_pass: bool
) -> npt.NDArray[Any]:
    """Weighted sum over taps along axis 0, always in the order of the taps, so that bands agree to the bit."""
    dtype = np.float32 if image.dtype == np.float32 else np.float64
    shape = (len(weights), *image.shape[1:])
    column = (-1,) + (1,) * (image.ndim - 1)
    total = np.zeros(shape, dtype)
    # A tap of weight zero everywhere adds nothing, whichever part of the output is made.
    for tap in np.flatnonzero(weights.any(axis=0)):
        term = image[indices[:, tap]] * weights[:, tap].astype(dtype).reshape(column)
        total += term
    if not round_pass:
        return total
    return np.clip(np.floor(total + 0.5, out=total), 0, 255, out=total).astype(np.uint8)

"""Between photos (HxWxC, any depth) and networks (NCHW float32 in their own range): range, colour order, channels."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import numpy.typing as npt

from slsc.errors import VerificationError
from slsc.runtime.backends.base import Batch
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.bundle.value_range import ValueRange
from slsc.runtime.image.colour import luma, with_luma
from slsc.runtime.image.photo import Photo
from slsc.runtime.image.resample import imresize_region

Bands = Generator[npt.NDArray[Any], None, None]
"""A restored photo from top to bottom, HxWxC; to be closed by whoever leaves it early."""

WHITES = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0}
"""The value of white by dtype of a photo; black is 0."""


def output_shape(photo: Photo, io: ImageIO) -> tuple[int, int, int]:
    """Height, width and channels of a photo's restoration; alpha counts as a channel."""
    height, width, channels = photo.pixels.shape
    return height * io.scale, width * io.scale, channels + (photo.alpha is not None)


def to_batch(pixels: npt.NDArray[Any], io: ImageIO) -> Batch:
    """What the network is shown of HxWx1 or HxWx3 pixels: luma alone, or colours; of a grey photo three equal ones."""
    return _batch(pixels, io, io.input_range)


def wanted_batch(pixels: npt.NDArray[Any], io: ImageIO) -> Batch:
    """What the network would put out for `compose` to make these pixels of it; otherwise as `to_batch`."""
    return _batch(pixels, io, io.output_range)


def _batch(pixels: npt.NDArray[Any], io: ImageIO, values: ValueRange) -> Batch:
    white = WHITES[pixels.dtype.name]
    if io.channels == 1 and pixels.shape[2] == 3:
        pixels = luma(pixels)
    if io.order == "BGR":
        pixels = pixels[:, :, ::-1]
    batch = np.empty((1, io.channels, *pixels.shape[:2]), np.float32)
    batch[0] = pixels.transpose(2, 0, 1)
    for plane, (low, span) in zip(batch[0], values.planes(io.channels), strict=True):
        plane *= np.float32(span / white)
        plane += np.float32(low)
    return batch


def compose(
    restored: npt.NDArray[np.float32], photo: Photo, io: ImageIO, rows: tuple[int, int], columns: tuple[int, int]
) -> npt.NDArray[Any]:
    """Finished pixels of one rectangle of the output.

    A network that restores luma gets the photo's chroma, and transparency its alpha, both enlarged bicubically. A grey
    photo stays grey. Values are clamped to black..white, and rounded to nearest for integer photos.

    Args:
        restored: the network's output there, CxHxW, in its own range.
        photo: the whole input.
        io: the network's conventions.
        rows: first output row of the rectangle, and the one after the last.
        columns: likewise for columns.

    Returns:
        HxWxC of the photo's dtype; C counts its colours, plus 1 where it has alpha.

    Raises:
        VerificationError: the network returned NaN or an infinity.
    """
    dtype = photo.pixels.dtype
    white = WHITES[dtype.name]
    lows, steps = zip(*((low, white / span) for low, span in io.output_range.planes(io.channels)), strict=True)
    values = (restored.transpose(1, 2, 0) - np.array(lows, np.float32)) * np.array(steps, np.float32)
    if not np.isfinite(values).all():
        raise VerificationError(
            "the network returned values that are not numbers",
            where=f"output rows {rows[0]}..{rows[1]}, columns {columns[0]}..{columns[1]}",
            hint="try another engine of the bundle, or `slsc check` it",
        )
    if io.order == "BGR":
        values = values[:, :, ::-1]
    if photo.pixels.shape[2] == 3 and io.channels == 1:
        values = with_luma(_enlarged(photo.pixels, io.scale, rows, columns), values)
    elif photo.pixels.shape[2] == 1 and io.channels == 3:
        values = luma(values)
    if photo.alpha is not None:
        values = np.concatenate([values, _enlarged(photo.alpha[:, :, None], io.scale, rows, columns)], axis=2)
    values = np.clip(values, 0, white)
    return values if dtype.kind == "f" else np.rint(values).astype(dtype)


def _enlarged(
    pixels: npt.NDArray[Any], scale: int, rows: tuple[int, int], columns: tuple[int, int]
) -> npt.NDArray[np.float32]:
    out_hw = (pixels.shape[0] * scale, pixels.shape[1] * scale)
    return imresize_region(pixels, out_hw, rows, columns).astype(np.float32)

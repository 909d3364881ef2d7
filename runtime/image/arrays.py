"""Photos from arrays that callers pass."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from slsc.errors import DataError
from slsc.runtime.image.photo import Photo
from slsc.runtime.image.pixels import WHITES


def as_photo(image: npt.NDArray[Any]) -> Photo:
    """A photo of an array's pixels, which it shares.

    Args:
        image: HxW, or HxWxC with C = 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha; uint8, uint16, or float32 in 0..1.

    Raises:
        DataError: the array is none of these.
    """
    pixels = image[:, :, None] if image.ndim == 2 else image
    why = hint = None
    if pixels.ndim != 3 or not 1 <= pixels.shape[2] <= 4 or 0 in pixels.shape:
        why, hint = f"its shape is {list(image.shape)}", "pass HxW or HxWx1..4"
    elif pixels.dtype.name not in WHITES:
        why, hint = f"its dtype is {image.dtype}", f"use {', '.join(WHITES)}"
    elif pixels.dtype.kind == "f" and not (pixels.min() >= 0 and pixels.max() <= 1):
        why, hint = "it has values outside 0..1", "scale it to 0..1"
    if why:
        raise DataError("cannot restore this array", why=why, hint=hint)
    return Photo(pixels) if pixels.shape[2] in (1, 3) else Photo(pixels[:, :, :-1], pixels[:, :, -1])

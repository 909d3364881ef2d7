"""BT.601 luma and chroma, for networks that restore luma only. Unit range, floating point."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

LUMA = (0.299, 0.587, 0.114)
"""Weights of R, G, B in Y (ITU-R BT.601-7, 2.5.1), full range as in JPEG: black is 0, white is 1.

The studio range (16..235), which MATLAB's rgb2ycbcr uses, is the same Y on another scale: a network trained on it has
a `ValueRange` of 16/255..235/255.
"""


def luma(rgb: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Y of an HxWx3 image as HxWx1, in the image's own range; float32 unless the image is float64."""
    dtype = np.result_type(rgb.dtype, np.float32) if rgb.dtype.kind == "f" else np.float32
    return (rgb @ np.array(LUMA, dtype))[:, :, None].astype(dtype, copy=False)


def with_luma(rgb: npt.NDArray[Any], y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """An image with the chroma of `rgb` (HxWx3) and the luma `y` (HxWx1), in the same range, not clamped.

    R - Y, G - Y and B - Y are linear in Cb and Cr alone (BT.601-7, 2.5.2), so replacing Y is adding its change.
    """
    return rgb + (y - luma(rgb))

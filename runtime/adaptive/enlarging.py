"""What costs nothing, in the place of a network: bicubic enlargement, or the photo as it is."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from slsc.runtime.backends.base import Batch
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.image.resample import phases

ENLARGING_HALO = 2
"""Input pixels that bicubic enlargement sees around a place."""

Floats = npt.NDArray[np.float32]


def enlarged(image: Batch, io: ImageIO) -> Batch:
    """A batch of one image as a network would put it out: enlarged bicubically, the same image at equal size."""
    unit = io.input_range.to_unit(image[0])
    height, width = (side * io.scale for side in image.shape[2:])
    output = np.empty((1, io.channels, height, width), np.float32)
    for plane, given, (low, span) in zip(output[0], unit, io.output_range.planes(io.channels), strict=True):
        if io.scale > 1:
            _enlarge(np.ascontiguousarray(given, np.float32), io.scale, plane)
        else:
            plane[...] = given
        np.clip(plane, 0, 1, out=plane)
        plane *= np.float32(span)
        plane += np.float32(low)
    return output


def _enlarge(plane: Floats, scale: int, output: Floats) -> None:
    """HxW as `imresize` enlarges it by a whole number, but for rounding of float32, several times faster."""
    height, width = plane.shape
    kernels, one = phases(scale), np.ones(1, np.float32)
    wide = np.empty((height, width * scale), np.float32)
    for phase, kernel in enumerate(kernels):
        wide[:, phase::scale] = cv2.sepFilter2D(plane, -1, kernel, one, borderType=cv2.BORDER_REFLECT)
    for phase, kernel in enumerate(kernels):
        output[phase::scale] = cv2.sepFilter2D(wide, -1, one, kernel, borderType=cv2.BORDER_REFLECT)

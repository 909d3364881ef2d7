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
    unit = np.ascontiguousarray(io.input_range.to_unit(image[0]).transpose(1, 2, 0), np.float32)
    if io.scale > 1:
        unit = _bicubic(unit, io.scale)
    output = np.ascontiguousarray(unit.clip(0, 1).transpose(2, 0, 1)[None], np.float32)
    for plane, (low, span) in zip(output[0], io.output_range.planes(io.channels), strict=True):
        plane *= np.float32(span)
        plane += np.float32(low)
    return output


def _bicubic(image: Floats, scale: int) -> Floats:
    """HxWxC as `imresize` enlarges it by a whole number, but for rounding of float32, several times faster."""
    height, width, channels = image.shape
    kernels, one = phases(scale), np.ones(1, np.float32)
    tall = np.empty((height, scale, width, channels), np.float32)
    for phase, kernel in enumerate(kernels):
        tall[:, phase] = _filtered(image, one, kernel)
    tall = tall.reshape(height * scale, width, channels)
    output = np.empty((height * scale, width, scale, channels), np.float32)
    for phase, kernel in enumerate(kernels):
        output[:, :, phase] = _filtered(tall, kernel, one)
    return output.reshape(height * scale, width * scale, channels)


def _filtered(image: Floats, across: Floats, down: Floats) -> npt.NDArray[np.generic]:
    found = cv2.sepFilter2D(image, -1, across, down, borderType=cv2.BORDER_REFLECT)
    return found.reshape(image.shape)

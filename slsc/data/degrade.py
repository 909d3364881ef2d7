"""Low-resolution inputs from high-resolution images, by the protocol of the super-resolution literature."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from slsc.data.images import open_rgb
from slsc.errors import DataError
from slsc.runtime.image.resample import imresize


def crop_to_multiple(image: npt.NDArray[np.uint8], multiple: int) -> npt.NDArray[np.uint8]:
    """Cut HxW or HxWxC at the bottom and right so that height and width divide by `multiple`.

    Raises:
        DataError: a side is shorter than `multiple`.
    """
    height, width = (side - side % multiple for side in image.shape[:2])
    if not height or not width:
        raise DataError("image too small", why=f"{image.shape[1]}x{image.shape[0]} has a side below {multiple} pixels")
    return image[:height, :width]


def bicubic_pair(image: npt.NDArray[np.uint8], scale: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """The pair (LR, HR) of an HxWx3 uint8 image: HR cropped to a multiple of `scale`, LR = MATLAB bicubic of it."""
    hr = crop_to_multiple(image, scale)
    return imresize(hr, (hr.shape[0] // scale, hr.shape[1] // scale), round_passes=True), hr


def open_reduced(path: Path, scale: int, patch: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """The `bicubic_pair` of an image file.

    Raises:
        DataError: the image cannot be read, or has no room for an LR patch of side `patch`; names the file.
    """
    image = open_rgb(path)
    if min(image.shape[:2]) < patch * scale:
        raise DataError(
            "image too small",
            where=str(path),
            why=f"its smallest side is {min(image.shape[:2])} pixels, a patch takes {patch * scale}",
            hint="remove it, or train on smaller patches: --patch",
        )
    return bicubic_pair(image, scale)

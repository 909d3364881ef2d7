"""What makes an input of a wanted image: shrinking, noise, JPEG, blur. Motion has `slsc.data.motion`."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from slsc.data.images import open_rgb, require_room
from slsc.errors import DataError
from slsc.runtime.image.resample import imresize

Pixels = npt.NDArray[np.float64]
"""HxWxC, 0..255 in whole steps."""


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
    require_room(image, patch * scale, path)
    return bicubic_pair(image, scale)


def resized(image: Pixels, hw: tuple[int, ...]) -> Pixels:
    """MATLAB's bicubic, rounded to whole steps."""
    return imresize(image, (hw[0], hw[1]), round_passes=True).astype(np.float64)


def rounded(image: npt.NDArray[Any]) -> Pixels:
    """Clamped to 0..255 and rounded half up to whole steps."""
    return np.floor(image.clip(0, 255) + 0.5)


def benchmark_noise(shape: tuple[int, ...], sigma: float) -> npt.NDArray[np.float64]:
    """Gaussian noise as cszn/KAIR draws it for every image of a test set: numpy's legacy generator at seed 0.

    Args:
        shape: of the image.
        sigma: standard deviation, in the unit of the result.
    """
    return np.random.RandomState(0).normal(0, sigma, shape)


def degrade(photo: npt.NDArray[np.uint8], name: str) -> npt.NDArray[np.uint8]:
    """A whole HxWxC photo under one of `DEGRADATIONS`."""
    return DEGRADATIONS[name](photo.astype(np.float64)).astype(np.uint8)


def _noisy(image: Pixels) -> Pixels:
    return rounded(image + np.random.default_rng(0).normal(0, 25, image.shape))


def _enlarged(image: Pixels, scale: int) -> Pixels:
    height, width = image.shape[:2]
    return resized(resized(image, (max(1, height // scale), max(1, width // scale))), (height, width))


def _jpeg(image: Pixels) -> Pixels:
    data = io.BytesIO()
    Image.fromarray(image.astype(np.uint8).squeeze()).save(data, "JPEG", quality=20)
    with Image.open(data) as decoded:
        return np.asarray(decoded, np.float64).reshape(image.shape)


def _filtered(image: Pixels, kernel: npt.NDArray[Any]) -> Pixels:
    return rounded(cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT).reshape(image.shape))


def _defocused(image: Pixels) -> Pixels:
    line = cv2.getGaussianKernel(11, 1.6)
    return _filtered(image, line @ line.T)


def _moved(image: Pixels) -> Pixels:
    return _filtered(image, np.full((1, 9), 1 / 9))


DEGRADATIONS: dict[str, Callable[[Pixels], Pixels]] = {
    "noise of sigma 25": _noisy,
    "bicubic enlargement x2": lambda image: _enlarged(image, 2),
    "bicubic enlargement x3": lambda image: _enlarged(image, 3),
    "JPEG of quality 20": _jpeg,
    "Gaussian blur of sigma 1.6": _defocused,
    "motion blur of 9 pixels": _moved,
}
"""What same-size restoration networks are made to undo, by name. Images in and out are `Pixels` of one size."""

"""What makes an input of a wanted image: shrinking, noise, JPEG, blur. Motion has `slsc.data.motion`."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from functools import partial
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


def _noisy(image: Pixels, sigma: float) -> Pixels:
    return rounded(image + np.random.default_rng(0).normal(0, sigma, image.shape))


def _enlarged(image: Pixels, scale: int) -> Pixels:
    height, width = image.shape[:2]
    return resized(resized(image, (max(1, height // scale), max(1, width // scale))), (height, width))


def _jpeg(image: Pixels, quality: int) -> Pixels:
    data = io.BytesIO()
    Image.fromarray(image.astype(np.uint8).squeeze()).save(data, "JPEG", quality=quality)
    with Image.open(data) as decoded:
        return np.asarray(decoded, np.float64).reshape(image.shape)


def _filtered(image: Pixels, kernel: npt.NDArray[Any]) -> Pixels:
    return rounded(cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT).reshape(image.shape))


def _defocused(image: Pixels, sigma: float) -> Pixels:
    line = cv2.getGaussianKernel(2 * math.ceil(3 * sigma) + 1, sigma)
    return _filtered(image, line @ line.T)


def _moved(image: Pixels, length: int, degrees: float) -> Pixels:
    return _filtered(image, _line(length, degrees))


def _line(length: int, degrees: float) -> npt.NDArray[np.float64]:
    """A straight line through the middle of a square kernel, its sum 1."""
    kernel = np.zeros((length, length), np.uint8)
    middle, reach = (length - 1) / 2, (length - 1) / 2
    dx, dy = reach * math.cos(math.radians(degrees)), -reach * math.sin(math.radians(degrees))
    ends = [(round(middle + sign * dx), round(middle + sign * dy)) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 255, 1, cv2.LINE_AA)
    return kernel / float(kernel.sum())


def _rainy(image: Pixels, share: float, degrees: float) -> Pixels:
    """Pale streaks of 15 pixels laid over the image; a drop falls on `share` of the pixels."""
    drops = (np.random.default_rng(0).random(image.shape[:2]) < share).astype(np.float64)
    line = _line(15, degrees)
    streaks = cv2.filter2D(drops, -1, line / line.max(), borderType=cv2.BORDER_REFLECT)
    return rounded(image + 80 * streaks.clip(0, 1)[:, :, None])


def _darkened(image: Pixels, share: float, sigma: float) -> Pixels:
    return rounded(image * share + np.random.default_rng(0).normal(0, sigma, image.shape))


def _hazy(image: Pixels, share: float) -> Pixels:
    """Light scattered in from white air, of which `share` reaches the camera (Narasimhan and Nayar, IJCV 2002)."""
    return rounded(image * (1 - share) + 230 * share)


ANGLES = (135, 45, 90, 75, 105)
"""Of rain, in degrees; networks learn the direction along with the streaks."""

FAMILIES: tuple[Mapping[str, Callable[[Pixels], Pixels]], ...] = (
    {f"noise of sigma {sigma}": partial(_noisy, sigma=sigma) for sigma in (25, 15, 50)},
    {f"bicubic enlargement x{scale}": partial(_enlarged, scale=scale) for scale in (3, 2, 4)},
    {f"JPEG of quality {quality}": partial(_jpeg, quality=quality) for quality in (20, 10, 40)},
    {f"Gaussian blur of sigma {sigma}": partial(_defocused, sigma=sigma) for sigma in (1.6, 1.0, 2.5)},
    *(
        {
            f"motion blur of {length} pixels at {degrees} degrees": partial(_moved, length=length, degrees=degrees)
            for length in (9, 15)
        }
        for degrees in (0, 45)
    ),
    *(
        {
            f"rain on {share:.1%} of the pixels at {degrees} degrees": partial(_rainy, share=share, degrees=degrees)
            for share in (0.01, 0.003, 0.02)
        }
        for degrees in ANGLES
    ),
    {
        f"darkness of {share:.0%}": partial(_darkened, share=share, sigma=sigma)
        for share, sigma in ((0.25, 4), (0.5, 4), (0.1, 2))
    },
    {f"haze of {share:.0%}": partial(_hazy, share=share) for share in (0.5, 0.3, 0.7)},
)
"""What same-size restoration networks are made to undo: by kind, each in several strengths by name, of which the first
stands for the kind. Images in and out are `Pixels` of one size."""

DEGRADATIONS: dict[str, Callable[[Pixels], Pixels]] = {
    name: spoil for family in FAMILIES for name, spoil in family.items()
}
"""All of `FAMILIES` by name."""


def shrinkings(scale: int) -> dict[str, Callable[[Pixels], Pixels]]:
    """What a photo shrunk by `scale` suffers from besides, by name: nothing; or what networks of real photos undo."""
    name = f"photos shrunk by {scale}"
    return {
        name: lambda image: image,
        f"{name}, with noise": partial(_noisy, sigma=15),
        f"{name}, with JPEG": partial(_jpeg, quality=40),
    }

"""Images to probe with: what the network is given, the truth it should come near, and the plain method's result."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from slsc.probe.network import Geometry, Pixels
from slsc.runtime.image.resample import imresize

SIDE = 96
"""Least side of the network's input in pixels, where it is free."""

EQUAL = 100.0
"""PSNR in dB of equal images: finite, so that means and JSON stay numbers."""

BT601 = (0.299, 0.587, 0.114)
"""Luma of R, G, B, full range."""


@dataclass(frozen=True)
class Sample:
    """One trial: `given` to the network, `truth` at the output's size, `plain` what one has without the network."""

    name: str
    given: Pixels
    truth: Pixels
    plain: Pixels


def super_resolution(photo: npt.NDArray[np.uint8], geometry: Geometry, channels: int) -> Sample:
    """The photo shrunk by the scale (bicubic); plain is bicubic enlargement."""
    hw = _input_hw(geometry)
    truth = _crop(photo, (hw[0] * geometry.scale, hw[1] * geometry.scale), channels)
    given = _resized(truth, hw)
    return Sample("shrunk photo", given, truth, _resized(given, truth.shape[:2]))


def degraded(photo: npt.NDArray[np.uint8], geometry: Geometry, channels: int) -> list[Sample]:
    """The photo under each of `DEGRADATIONS`; plain is the degraded image itself."""
    truth = _crop(photo, _input_hw(geometry), channels)
    pairs = ((name, spoil(truth)) for name, spoil in DEGRADATIONS.items())
    return [Sample(name, given, truth, given) for name, given in pairs]


def degrade(photo: npt.NDArray[np.uint8], name: str) -> npt.NDArray[np.uint8]:
    """A whole HxWx3 photo under one of `DEGRADATIONS`."""
    return DEGRADATIONS[name](photo.astype(np.float64)).astype(np.uint8)


def clean(photo: npt.NDArray[np.uint8], geometry: Geometry, channels: int) -> Sample:
    """The photo itself, which a restoration network should leave much as it is."""
    truth = _crop(photo, _input_hw(geometry), channels)
    return Sample("clean photo", truth, truth, truth)


def psnr(image: Pixels, truth: Pixels, border: int) -> float:
    """PSNR in dB over all channels, `border` pixels left out at each side; equal images count as `EQUAL`."""
    inside = slice(border, -border or None)
    error = float(np.mean(np.square(image[inside, inside] - truth[inside, inside])))
    return EQUAL if error == 0 else min(EQUAL, 10 * math.log10(255**2 / error))


def _input_hw(geometry: Geometry) -> tuple[int, int]:
    if geometry.fixed_hw is not None:
        return geometry.fixed_hw
    height, width = (-(-SIDE // multiple) * multiple for multiple in geometry.multiple_of)
    return height, width


def _crop(photo: npt.NDArray[np.uint8], hw: tuple[int, int], channels: int) -> Pixels:
    """The middle of the photo in size `hw`, mirrored at its edges where it is too small; luma for one channel."""
    missing = [max(0, want - have) for want, have in zip(hw, photo.shape[:2], strict=True)]
    padded = np.pad(photo, [(n // 2, n - n // 2) for n in missing] + [(0, 0)], mode="symmetric")
    top, left = ((have - want) // 2 for want, have in zip(hw, padded.shape[:2], strict=True))
    pixels = padded[top : top + hw[0], left : left + hw[1]].astype(np.float64)
    return pixels if channels == 3 else _rounded(pixels @ np.array(BT601)[:, None])


def _resized(image: Pixels, hw: tuple[int, ...]) -> Pixels:
    return imresize(image, (hw[0], hw[1]), round_passes=True).astype(np.float64)


def _rounded(image: npt.NDArray[Any]) -> Pixels:
    return np.floor(image.clip(0, 255) + 0.5)


def _noisy(image: Pixels) -> Pixels:
    return _rounded(image + np.random.default_rng(0).normal(0, 25, image.shape))


def _enlarged(image: Pixels, scale: int) -> Pixels:
    height, width = image.shape[:2]
    return _resized(_resized(image, (max(1, height // scale), max(1, width // scale))), (height, width))


def _jpeg(image: Pixels) -> Pixels:
    data = io.BytesIO()
    Image.fromarray(image.astype(np.uint8).squeeze()).save(data, "JPEG", quality=20)
    with Image.open(data) as decoded:
        return np.asarray(decoded, np.float64).reshape(image.shape)


def _filtered(image: Pixels, kernel: npt.NDArray[Any]) -> Pixels:
    return _rounded(cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT).reshape(image.shape))


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
"""What same-size restoration networks are made to undo."""

"""Images to probe with: what the network is given, the truth it should come near, and the plain method's result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from slsc.data.degradations import DEGRADATIONS, FAMILIES, Pixels, resized, rounded, shrinkings
from slsc.data.images import mirrored
from slsc.data.patches import Pair
from slsc.metrics.psnr import psnr
from slsc.probe.network import Geometry
from slsc.runtime.image.colour import luma

SIDE, SHRUNK_SIDE = 64, 96
"""Least side of the network's input in pixels, where it is free: of many degraded photos, of few shrunk ones."""

EQUAL = 100.0
"""PSNR in dB of equal images: finite, so that means and JSON stay numbers."""

BLURS = (0.5, 0.8, 1.2, 2.0)
"""Smoothing, the simplest of restorations, by its sigma in pixels."""

SHARPENINGS = (0.5, 1.0, 2.0)
"""Share of what a blur takes away that is added, the next simplest."""

Photo = npt.NDArray[np.uint8]


class Sample:
    """One trial.

    Attributes:
        given: to the network.
        truth: wanted of it.
        plain: what one has without it: the input itself, or its bicubic enlargement.
        plain_psnr: of the plain picture in dB.
        plain_fitted_psnr: likewise, see `fitted_psnr`.
        nothing: PSNR in dB of the plain picture, or of one flat colour where that is nearer to the truth.
        simple: PSNR in dB of the plain picture smoothed or sharpened as suits it best, or left as it is.
    """

    def __init__(self, given: Pixels, truth: Pixels, plain: Pixels, border: int = 0) -> None:
        self.given, self.truth, self.plain = given, truth, plain
        self._inside = slice(border, -border or None)
        flat = np.broadcast_to(truth.mean(axis=(0, 1)), truth.shape)
        self.plain_psnr = self.psnr(plain)
        self.plain_fitted_psnr = self.fitted_psnr(plain)
        self.nothing = max(self.plain_psnr, self.psnr(flat))
        smooth = [cv2.GaussianBlur(plain, (0, 0), sigma).reshape(plain.shape) for sigma in BLURS]
        sharp = [rounded(plain + share * (plain - one)) for one in smooth[1:] for share in SHARPENINGS]
        self.simple = max(self.nothing, *map(self.psnr, smooth), *map(self.psnr, sharp))

    def psnr(self, image: npt.NDArray[Any]) -> float:
        """dB over all channels of the truth, its border left out; equal images count as `EQUAL`."""
        error = float(np.mean(np.square(self._cut(image) - self._cut(self.truth))))
        return min(EQUAL, psnr(error, 255))

    def fitted_psnr(self, image: npt.NDArray[Any]) -> float:
        """As `psnr`, of the image with the brightness and contrast of each channel that suit the truth best."""
        found, truth = (self._cut(one).reshape(-1, one.shape[2]) for one in (image, self.truth))
        found, truth = found - found.mean(0), truth - truth.mean(0)
        slope = (found * truth).mean(0) / np.maximum(np.square(found).mean(0), 1e-30)
        return min(EQUAL, psnr(float(np.mean(np.square(truth - slope * found))), 255))

    def likeness(self, image: npt.NDArray[Any]) -> float:
        """Correlation with the truth, -1 to 1, the mean over channels; 0 for a flat image."""
        found, truth = (self._cut(one).reshape(-1, one.shape[2]) for one in (image, self.truth))
        found, truth = found - found.mean(0), truth - truth.mean(0)
        spread = np.sqrt(np.square(found).mean(0) * np.square(truth).mean(0))
        return float(np.mean((found * truth).mean(0) / np.maximum(spread, 1e-30)))

    def _cut(self, image: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return image[self._inside, self._inside]


@dataclass(frozen=True)
class Samples:
    """Samples by what they suffer from, made when they are asked for.

    Attributes:
        families: names, by kind; the first of each stands for the kind.
        plain: what the plain method is called.
        count: samples of each name, numbered from 0.
    """

    families: tuple[tuple[str, ...], ...]
    plain: str
    count: int
    _make: Callable[[str, int], Sample]
    _made: dict[tuple[str, int], Sample]

    def __getitem__(self, key: tuple[str, int]) -> Sample:
        if key not in self._made:
            self._made[key] = self._make(*key)
        return self._made[key]


def made_of(photos: Sequence[Photo], geometry: Geometry, channels: int) -> Samples:
    """Photos in the states that networks undo: shrunk by the scale, else under each of `DEGRADATIONS`."""
    scale = geometry.scale
    if scale == 1:
        families = tuple(tuple(family) for family in FAMILIES)
        make: Callable[[str, Photo], Sample] = partial(_degraded, geometry, channels)
    else:
        families = tuple((name,) for name in shrinkings(scale))
        make = partial(_shrunk, geometry, channels)
    plain = "input" if scale == 1 else "bicubic"
    return Samples(families, plain, len(photos), lambda name, index: make(name, photos[index]), {})


def paired(pairs: Sequence[Pair], geometry: Geometry, channels: int) -> Samples:
    """The user's own inputs and wanted outputs."""

    def make(name: str, index: int) -> Sample:
        given, truth = pairs[index]
        hw, scale = _input_hw(geometry), geometry.scale
        top, left = (max(0, extent - side) // 2 for extent, side in zip(given.shape[:2], hw, strict=True))
        low = _crop(given[top:, left:], hw, channels, centred=False)
        wanted = (hw[0] * scale, hw[1] * scale)
        high = _crop(truth[top * scale :, left * scale :], wanted, channels, centred=False)
        return Sample(low, high, low if scale == 1 else resized(low, wanted), scale if scale > 1 else 0)

    return Samples((("your pairs",),), "input" if geometry.scale == 1 else "bicubic", len(pairs), make, {})


def _shrunk(geometry: Geometry, channels: int, name: str, photo: Photo) -> Sample:
    scale, hw = geometry.scale, _input_hw(geometry)
    truth = _crop(photo, (hw[0] * scale, hw[1] * scale), channels)
    given = shrinkings(scale)[name](resized(truth, hw))
    return Sample(given, truth, resized(given, truth.shape[:2]), scale)


def _degraded(geometry: Geometry, channels: int, name: str, photo: Photo) -> Sample:
    truth = _crop(photo, _input_hw(geometry), channels)
    given = DEGRADATIONS[name](truth)
    return Sample(given, truth, given)


def _input_hw(geometry: Geometry) -> tuple[int, int]:
    if geometry.fixed_hw is not None:
        return geometry.fixed_hw
    side = SIDE if geometry.scale == 1 else SHRUNK_SIDE
    height, width = (-(-side // multiple) * multiple for multiple in geometry.multiple_of)
    return height, width


def _crop(photo: Photo, hw: tuple[int, int], channels: int, *, centred: bool = True) -> Pixels:
    """A part of the photo in size `hw`, mirrored on where it is too small; luma for one channel."""
    top, left = (max(0, have - want) // 2 * centred for want, have in zip(hw, photo.shape[:2], strict=True))
    pixels = mirrored(photo[top:, left:], hw)[: hw[0], : hw[1]].astype(np.float64)
    return pixels if channels == 3 else rounded(luma(pixels))

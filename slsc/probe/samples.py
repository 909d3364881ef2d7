"""Images to probe with: what the network is given, the truth it should come near, and the plain method's result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from slsc.data.degradations import DEGRADATIONS, Pixels, resized, rounded
from slsc.probe.network import Geometry
from slsc.runtime.image.colour import luma

SIDE = 96
"""Least side of the network's input in pixels, where it is free."""


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
    given = resized(truth, hw)
    return Sample("shrunk photo", given, truth, resized(given, truth.shape[:2]))


def degraded(photo: npt.NDArray[np.uint8], geometry: Geometry, channels: int) -> list[Sample]:
    """The photo under each of `DEGRADATIONS`; plain is the degraded image itself."""
    truth = _crop(photo, _input_hw(geometry), channels)
    pairs = ((name, spoil(truth)) for name, spoil in DEGRADATIONS.items())
    return [Sample(name, given, truth, given) for name, given in pairs]


def clean(photo: npt.NDArray[np.uint8], geometry: Geometry, channels: int) -> Sample:
    """The photo itself, which a restoration network should leave much as it is."""
    truth = _crop(photo, _input_hw(geometry), channels)
    return Sample("clean photo", truth, truth, truth)


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
    return pixels if channels == 3 else rounded(luma(pixels))

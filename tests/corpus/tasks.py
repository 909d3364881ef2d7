"""What the corpus' networks undo: photos of scikit-image, and what was done to them."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from slsc.data.calibration import bundled_photos
from slsc.data.images import mirrored, open_rgb
from slsc.runtime.image.colour import luma
from slsc.runtime.image.resample import imresize

Pixels = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float64]

HELD_OUT = "chelsea.png"
"""The photo that networks are judged on, and not trained on."""


@dataclass(frozen=True)
class Task:
    """A degradation.

    Attributes:
        spoil: what it does to HxWx3 values 0..255, given a generator of randomness; not rounded.
        scale: sides of the truth over those of the input.
        sigma: deviation of the noise added, of 255.
    """

    spoil: Callable[[Values, np.random.Generator], Values]
    scale: int = 1
    sigma: float = 0.0

    def given(self, truth: Pixels, seed: int) -> Pixels:
        """The input made of a photo whose sides are multiples of the scale."""
        values = self.spoil(truth.astype(np.float64), np.random.default_rng(seed))
        return np.floor(values.clip(0, 255) + 0.5).astype(np.uint8)


def photo(hw: tuple[int, int]) -> Pixels:
    """The middle of the held-out photo, HxWx3, mirrored on where it is smaller."""
    path = next(path for path in bundled_photos() if path.name == HELD_OUT)
    pixels = mirrored(open_rgb(path), hw)
    top, left = ((have - want) // 2 for have, want in zip(pixels.shape[:2], hw, strict=True))
    return pixels[top : top + hw[0], left : left + hw[1]].copy()


def grey(pixels: Pixels) -> Pixels:
    """An HxWx3 photo without its colour, HxWx3 still."""
    return np.repeat(np.rint(luma(pixels.astype(np.float64))).astype(np.uint8), 3, axis=2)


def training_photos() -> list[Pixels]:
    """The other ones that have colour."""
    photos = [open_rgb(path) for path in bundled_photos() if path.name != HELD_OUT]
    return [pixels for pixels in photos if np.ptp(pixels.astype(np.int16), axis=2).any()]


def _shrunk(scale: int) -> Task:
    def shrink(image: Values, rng: np.random.Generator) -> Values:
        return imresize(image, (image.shape[0] // scale, image.shape[1] // scale), round_passes=True).astype(np.float64)

    return Task(shrink, scale)


def _noisy(sigma: float) -> Task:
    return Task(lambda image, rng: image + rng.normal(0, sigma, image.shape), sigma=sigma)


def _enlarged(image: Values, rng: np.random.Generator) -> Values:
    half = imresize(image, ((image.shape[0] + 1) // 2, (image.shape[1] + 1) // 2), round_passes=True)
    return imresize(half, image.shape[:2], round_passes=True).astype(np.float64)


def _blurred(image: Values, rng: np.random.Generator) -> Values:
    return cv2.GaussianBlur(image, (11, 11), 1.6, borderType=cv2.BORDER_REFLECT)


def _compressed(image: Values, rng: np.random.Generator) -> Values:
    data = io.BytesIO()
    Image.fromarray(image.astype(np.uint8)).save(data, "JPEG", quality=20)
    with Image.open(data) as decoded:
        return np.asarray(decoded, np.float64)


def _rainy(image: Values, rng: np.random.Generator) -> Values:
    """Bright streaks, up to 30 degrees off the vertical, on 5 to 20 % of the pixels."""
    drops = (rng.random(image.shape[:2]) > 1 - rng.uniform(0.005, 0.02)) * rng.uniform(100, 250, image.shape[:2])
    half = int(rng.integers(4, 8))
    lean = half * math.tan(math.radians(rng.uniform(-30, 30)))
    kernel = np.zeros((2 * half + 1, 2 * half + 1))
    cv2.line(kernel, (round(half - lean), 0), (round(half + lean), 2 * half), 1.0)
    return image + cv2.filter2D(drops, -1, kernel, borderType=cv2.BORDER_REFLECT)[:, :, None].clip(0, 200)


def _dark(image: Values, rng: np.random.Generator) -> Values:
    """A third to a fifth of the light, and the sensor's noise."""
    return image / rng.uniform(3, 5) + rng.normal(0, 2, image.shape)


def _hazy(image: Values, rng: np.random.Generator) -> Values:
    """30 to 80 % of the light comes through, less or more of it farther up; the rest is bright grey."""
    passed = np.linspace(*rng.uniform(0.3, 0.8, 2), image.shape[0])[:, None, None]
    return image * passed + rng.uniform(190, 240) * (1 - passed)


TASKS: Mapping[str, Task] = {
    "sr x2": _shrunk(2),
    "sr x3": _shrunk(3),
    "sr x4": _shrunk(4),
    "noise": _noisy(25),
    "enlarged": Task(_enlarged),
    "blur": Task(_blurred),
    "jpeg": Task(_compressed),
    "rain": Task(_rainy),
    "dark": Task(_dark),
    "haze": Task(_hazy),
}

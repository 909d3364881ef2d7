"""Photos and patches to calibrate on: the user's folder, else photos that scikit-image carries."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt

from slsc.data.images import list_images, mirrored, open_rgb
from slsc.errors import DataError

BUNDLED = (
    "astronaut.png",
    "coffee.png",
    "motorcycle_left.png",
    "chelsea.png",
    "rocket.jpg",
    "camera.png",
    "brick.png",
    "grass.png",
    "gravel.png",
    "coins.png",
)
"""Photos inside scikit-image's wheel, colour first. Only what is installed is used: nothing is downloaded."""


def calibration_photos(data: Path | None, limit: int, seed: int) -> list[npt.NDArray[np.uint8]]:
    """At most `limit` photos, HxWx3 uint8 RGB, the same ones for the same `seed`.

    Args:
        data: a folder of images, of which `limit` are drawn at random; None takes the first `limit` of `BUNDLED`.
        limit: at least 1.
        seed: of the draw.

    Raises:
        DataError: the folder is missing or empty, a drawn file is unreadable, or scikit-image carries no photo.
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    if data is None:
        return [open_rgb(path) for path in bundled_photos()[:limit]]
    paths = list_images(data)
    drawn = np.random.default_rng(seed).choice(len(paths), min(limit, len(paths)), replace=False)
    return [open_rgb(paths[index]) for index in sorted(drawn)]


def bundled_photos() -> list[Path]:
    """Paths of the `BUNDLED` photos that the installed scikit-image carries.

    Raises:
        DataError: there is none.
    """
    folder = Path(str(resources.files("skimage.data")))
    paths = [folder / name for name in BUNDLED if (folder / name).is_file()]
    if not paths:
        raise DataError("scikit-image carries no photo", where=str(folder), hint="give a folder of images: --data DIR")
    return paths


def calibration_patches(
    photos: Sequence[npt.NDArray[np.uint8]], count: int, side: int, seed: int
) -> npt.NDArray[np.uint8]:
    """`count` random square patches, (count, side, side, 3) uint8, the photos taken in turn.

    A photo smaller than a patch is continued by mirroring, so that small images calibrate too. The same `seed` gives
    the same patches.
    """
    rng = np.random.default_rng(seed)
    padded = [mirrored(photo, (side, side)) for photo in photos]
    return np.stack([_random_crop(padded[index % len(padded)], side, rng) for index in range(count)])


def _random_crop(photo: npt.NDArray[np.uint8], side: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    top, left = (int(rng.integers(length - side + 1)) for length in photo.shape[:2])
    return photo[top : top + side, left : left + side]

"""Find and open the images of a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from slsc.errors import DataError

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})
"""File name endings, in lower case, that count as images."""


def list_images(folder: Path) -> list[Path]:
    """All image files below `folder`, at any depth, sorted by path. Hidden files and folders are left out.

    Raises:
        DataError: the folder is missing, is not a folder, cannot be read, or holds no image.
    """
    if not folder.exists():
        raise DataError("no such folder", where=str(folder), hint="give a folder of images")
    if not folder.is_dir():
        raise DataError("is not a folder", where=str(folder), hint="give the folder that holds the images")
    try:
        paths = [path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()]
        next(folder.iterdir(), None)
    except OSError as error:
        raise DataError("cannot read the folder", where=str(folder), why=error.strerror) from error
    visible = [path for path in paths if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    if not visible:
        raise DataError("no image in the folder", where=str(folder), hint=f"it needs files ending in {_endings()}")
    return sorted(visible)


def open_rgb(path: Path) -> npt.NDArray[np.uint8]:
    """Decode an image as HxWx3 uint8 RGB: EXIF orientation applied, grey repeated, alpha dropped, 16 bit shifted to 8.

    Raises:
        DataError: the file is missing or is not an image Pillow can decode.
    """
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I"):
                grey = (np.asarray(upright, dtype=np.int64) >> 8).clip(0, 255).astype(np.uint8)
                return np.repeat(grey[:, :, None], 3, axis=2)
            return np.asarray(upright.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(
            "cannot read the image", where=str(path), why=str(error), hint="remove or replace the file"
        ) from error


def _endings() -> str:
    return ", ".join(sorted(SUFFIXES))

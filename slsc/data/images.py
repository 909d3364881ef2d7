"""Find and open the images of a folder, as 8-bit RGB."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from slsc.errors import DataError
from slsc.runtime.image.photo import EXTENSIONS, load_photo


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
        next(folder.iterdir(), None)  # rglob passes over folders it may not read
        paths = [path for path in folder.rglob("*") if path.suffix.lower() in EXTENSIONS and path.is_file()]
    except OSError as error:
        raise DataError("cannot read the folder", where=str(folder), why=error.strerror) from error
    visible = [path for path in paths if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    if not visible:
        raise DataError("no image in the folder", where=str(folder), hint=f"looked for {', '.join(EXTENSIONS)}")
    return sorted(visible)


def open_rgb(path: Path) -> npt.NDArray[np.uint8]:
    """Decode an image as HxWx3 uint8 RGB, upright: grey repeated, alpha dropped, 16 bits rounded to 8.

    Raises:
        DataError: the file is missing or cannot be decoded.
    """
    pixels = load_photo(path).pixels
    if pixels.dtype == np.uint16:
        pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def require_room(image: npt.NDArray[np.uint8], side: int, path: Path) -> None:
    """Raises DataError, naming the file, unless an image to train on has room for a patch of `side` pixels."""
    smallest = min(image.shape[:2])
    if smallest < side:
        raise DataError(
            "image too small",
            where=str(path),
            why=f"its smallest side is {smallest} pixels, a patch takes {side}",
            hint="remove it, or train on smaller patches: --patch",
        )


def mirrored(image: npt.NDArray[np.generic], size: Sequence[int]) -> npt.NDArray[Any]:
    """An HxWxC image continued by mirroring, at the bottom and right, to at least `size` (height, width)."""
    missing = [max(0, want - have) for want, have in zip(size, image.shape[:2], strict=True)]
    return np.pad(image, [(0, missing[0]), (0, missing[1]), (0, 0)], mode="symmetric") if any(missing) else image

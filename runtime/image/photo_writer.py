"""Writing photos in the format of the file name: PNG row band by row band, other formats at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt
from PIL import Image

from slsc.errors import DataError
from slsc.runtime.atomic import staged
from slsc.runtime.image.png_stream import PngStream

WriteRows = Callable[[npt.NDArray[Any]], None]

BUFFERED: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}, (1, 3)),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}, (1, 3)),
    ".webp": ("WEBP", {"quality": 95}, (1, 3, 4)),
    ".bmp": ("BMP", {}, (1, 3)),
    ".tif": ("TIFF", {"compression": "tiff_lzw"}, (1, 2, 3, 4)),
    ".tiff": ("TIFF", {"compression": "tiff_lzw"}, (1, 2, 3, 4)),
}
"""Formats which need the whole picture: Pillow's name, its options, and the channel counts they take."""

MAX_SIDES = {"JPEG": 65535, "WEBP": 16383}


PILLOW_PIXEL_BYTES = 4
"""Pillow's own storage of any colour mode."""


def held_bytes(path: Path, shape: tuple[int, int, int]) -> int:
    """Memory that writing a file of this name takes whatever is done band by band: none for PNG, which is streamed."""
    return 0 if _is_streamed(path) else shape[0] * shape[1] * (shape[2] + PILLOW_PIXEL_BYTES)


def _is_streamed(path: Path) -> bool:
    return path.suffix.lower() == ".png"


def require_writable(path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
    """Refuse what the format of `path` cannot hold, before any work is done.

    Args:
        path: the file to write.
        shape: height, width, channels (1 grey, 2 grey + alpha, 3 RGB, 4 RGBA).
        dtype: uint8 or uint16.

    Raises:
        DataError: unknown extension, or 16 bits, transparency or a size which the format lacks.
    """
    if _is_streamed(path):
        return
    suffix = path.suffix.lower()
    if suffix not in BUFFERED:
        known = ", ".join([".png", *BUFFERED])
        raise DataError("cannot write this format", where=str(path), hint=f"name the output {known}")
    name, _, channels = BUFFERED[suffix]
    why = None
    if np.dtype(dtype) != np.uint8:
        why = f"the photo has 16 bits per sample, slsc writes {name} with 8"
    elif shape[2] not in channels:
        why = f"the photo is transparent, {name} cannot be" if shape[2] in (2, 4) else f"{name} cannot hold it"
    elif max(shape[:2]) > MAX_SIDES.get(name, 1 << 30):
        why = f"{name} holds at most {MAX_SIDES[name]} pixels a side, the output has {shape[1]}x{shape[0]}"
    if why:
        raise DataError("cannot write this photo", where=str(path), why=why, hint="name the output .png")


@contextmanager
def photo_writer(
    path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike, icc: bytes | None = None
) -> Iterator[WriteRows]:
    """A function that takes the rows of a picture from top to bottom, (n, width, channels) at a time.

    The file appears under its name only when the block ends well. Arguments and errors as `require_writable`.
    """
    require_writable(path, shape, dtype)
    with staged(path) as (file, _):
        if _is_streamed(path):
            height, width, channels = shape
            stream = PngStream(file, height, width, channels, dtype, icc)
            yield stream.write
            stream.close()
            return
        pixels = np.empty(shape, dtype)
        yield _collector(pixels)
        name, options, _ = BUFFERED[path.suffix.lower()]
        picture = Image.fromarray(pixels[:, :, 0] if shape[2] == 1 else pixels)
        picture.save(cast(IO[bytes], _NoDescriptor(file)), name, icc_profile=icc, **options)


class _NoDescriptor:
    """A file without a descriptor: Pillow writes to descriptors itself, and overlooks short writes on a full disk."""

    def __init__(self, file: BinaryIO) -> None:
        self.write, self.seek, self.tell, self.flush = file.write, file.seek, file.tell, file.flush


def _collector(pixels: npt.NDArray[Any]) -> WriteRows:
    """Fills `pixels` from top to bottom."""
    at = 0

    def write(rows: npt.NDArray[Any]) -> None:
        nonlocal at
        pixels[at : at + len(rows)] = rows
        at += len(rows)

    return write

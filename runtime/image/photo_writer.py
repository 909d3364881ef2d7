"""Writing photos in the format of the file name: PNG and TIFF row band by row band, other formats at the end."""

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
from slsc.runtime.image.carrying import lost, pillow_options, png_chunks, renewed, tiff_tags
from slsc.runtime.image.metadata import Metadata
from slsc.runtime.image.png_stream import PngStream
from slsc.runtime.image.tiff_stream import MAX_BYTES, TiffStream

WriteRows = Callable[[npt.NDArray[Any]], None]

NAMES = {
    ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF"
}  # fmt: skip
"""Formats by extension, by Pillow's names."""

STREAMED = ("PNG", "TIFF")
"""Formats written row band by row band, of any channels, 8 or 16 bit; others need the whole picture, in 8 bit."""

OPTIONS: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"quality": 95}, "BMP": {}}
CHANNELS = {"JPEG": (1, 3), "WEBP": (1, 3, 4), "BMP": (1, 3)}
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
MAX_SIDES = {"JPEG": 65535, "WEBP": 16383}

HELD_BYTES = {"JPEG": 4.5, "BMP": 4.5, "WEBP": 42}
"""Bytes a pixel while a format is written that needs the whole picture: Pillow's own storage, and what the encoder
takes; measured, see `tests/runtime/image/test_decoding_memory.py`."""


PNG_HINT = "; name the output .png"


def format_of(path: Path) -> str:
    """The format that a file name asks for, by Pillow's name.

    Raises:
        DataError: the extension is not known.
    """
    name = NAMES.get(path.suffix.lower())
    if name is None:
        raise DataError("cannot write this format", where=str(path), hint=f"name the output {', '.join(NAMES)}")
    return name


def held_bytes(path: Path, shape: tuple[int, int, int]) -> int:
    """Memory that writing a file of this name takes whatever is done band by band: none for PNG and TIFF."""
    return int(shape[0] * shape[1] * HELD_BYTES.get(format_of(path), 0))


def require_writable(path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
    """Refuse what the format of `path` cannot hold, before any work is done.

    Args:
        path: the file to write.
        shape: height, width, channels (1 grey, 2 grey + alpha, 3 RGB, 4 RGBA).
        dtype: uint8 or uint16.

    Raises:
        DataError: unknown extension, or 16 bits, transparency or a size which the format lacks.
    """
    name, why = format_of(path), None
    if (
        name == "TIFF"
        and np.dtype(dtype).itemsize * shape[0] * shape[1] * len(_tiff_places(shape[2], dtype)) > MAX_BYTES
    ):
        why = "TIFF holds at most 4 GiB"
    elif name in STREAMED:
        return
    elif np.dtype(dtype) != np.uint8:
        why = f"the photo has 16 bits per sample, {name} holds 8"
    elif shape[2] not in CHANNELS[name]:
        why = f"the photo is transparent, {name} cannot be" if shape[2] in (2, 4) else f"{name} cannot hold it"
    elif max(shape[:2]) > MAX_SIDES.get(name, 1 << 30):
        why = f"{name} holds at most {MAX_SIDES[name]} pixels a side, the output has {shape[1]}x{shape[0]}"
    if why:
        raise DataError("cannot write this photo", where=str(path), why=why, hint="name the output .png")


def not_carried(metadata: Metadata, path: Path) -> list[str]:
    """What of a photo's metadata a file of this name will lack, in words: what it cannot hold, what cannot be read."""
    name = format_of(path)
    lines = [f"{what} is not carried" for what in metadata.left_out]
    return lines + [
        f"{name} cannot carry {what}{PNG_HINT if 'colours' in what else ''}" for what in lost(metadata, name)
    ]


@contextmanager
def photo_writer(
    path: Path, shape: tuple[int, int, int], dtype: npt.DTypeLike, metadata: Metadata | None = None
) -> Iterator[WriteRows]:
    """A function that takes the rows of a picture from top to bottom, (n, width, channels) at a time.

    The file appears under its name only when the block ends well. The metadata is that of the photo which the picture
    was made of. Arguments and errors as `require_writable`.
    """
    require_writable(path, shape, dtype)
    name = format_of(path)
    carried = renewed(metadata or Metadata(), shape[:2])
    with staged(path) as (file, _):
        if name == "PNG":
            png = PngStream(file, *shape, dtype, png_chunks(carried))
            yield png.write
            png.close()
        elif name == "TIFF":
            places = _tiff_places(shape[2], dtype)
            tiff = TiffStream(file, *shape[:2], len(places), dtype, tiff_tags(carried))
            yield tiff.write if len(places) == shape[2] else lambda rows: tiff.write(rows[:, :, places])
            tiff.close()
        else:
            picture = Image.new(MODES[shape[2]], (shape[1], shape[0]))
            yield _collector(picture)
            options = OPTIONS[name] | pillow_options(carried, name)
            picture.save(cast(IO[bytes], _NoDescriptor(file)), name, **options)


def _tiff_places(channels: int, dtype: npt.DTypeLike) -> list[int]:
    """Which channel of a picture each of a TIFF's is: grey with alpha of 16 bits becomes RGBA, since neither Pillow nor
    OpenCV reads it otherwise, and OpenCV makes a picture of 8 bits without alpha of it, without a word.
    """
    return [0, 0, 0, 1] if channels == 2 and np.dtype(dtype) == np.uint16 else list(range(channels))


class _NoDescriptor:
    """A file without a descriptor: Pillow writes to descriptors itself, and overlooks short writes on a full disk."""

    def __init__(self, file: BinaryIO) -> None:
        self.write, self.seek, self.tell, self.flush = file.write, file.seek, file.tell, file.flush


def _collector(picture: Image.Image) -> WriteRows:
    """Fills a picture from top to bottom."""
    at = 0

    def write(rows: npt.NDArray[Any]) -> None:
        nonlocal at
        picture.paste(Image.fromarray(rows[:, :, 0] if rows.shape[2] == 1 else rows), (0, at))
        at += len(rows)

    return write

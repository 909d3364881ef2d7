"""Photos as they come: opened into plain arrays, whatever the file's mode, depth or orientation."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from slsc.errors import DataError
from slsc.runtime.image.decoding import TURNED, Undecodable, decode, require_decodable
from slsc.runtime.image.decoding_memory import bytes_to_decode
from slsc.runtime.image.exif import orientation_of
from slsc.runtime.image.metadata import Metadata, find_late_exif, read_metadata
from slsc.runtime.image.photo_writer import photo_writer
from slsc.runtime.regular_file import require_regular

EXTENSIONS = (
    ".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".jp2", ".avif"
)  # fmt: skip
"""What `list_photos` takes for a photo."""

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "JPEG2000", "AVIF")
"""What Pillow may take a file's content for, whatever its name is. JPEG includes MPO, the phones' form with previews;
AVIF needs Pillow 11.3. Colours of JPEG 2000 and AVIF are read with 8 bits.

Pillow knows many more, of which some hand the file to a program outside: EPS and PS start Ghostscript.
"""

PLUGINS = ("Png", "Jpeg", "WebP", "Bmp", "Tiff", "Gif", "Ppm", "Jpeg2K", "Avif")
for _name in PLUGINS:
    with suppress(ImportError):  # there is none for AVIF before Pillow 11.3
        import_module(f"PIL.{_name}ImagePlugin")

DAMAGED = (
    SyntaxError, ValueError, TypeError, EOFError, LookupError, struct.error, ArithmeticError,
    AssertionError, RuntimeError,
)  # fmt: skip
"""What Pillow's decoders let through on damaged files."""

MAX_PIXELS = 178_956_970
"""Pixels that are decoded where no limit of memory is given: Pillow's own bound, against files made to fill memory."""

PREFIX_BYTES = 16
"""What Pillow tells formats by."""


@dataclass(frozen=True)
class Photo:
    """An opened photo.

    Attributes:
        pixels: HxWx1 or HxWx3 (RGB), uint8 or uint16, full range of the type, upright.
        alpha: HxW of the same dtype, 0 = transparent; None when the file has no transparency.
        metadata: what the file says of its colours, and EXIF and XMP.
    """

    pixels: npt.NDArray[Any]
    alpha: npt.NDArray[Any] | None = None
    metadata: Metadata = field(default_factory=Metadata)


def load_photo(path: str | Path, *, most: int | None = None) -> Photo:
    """Open a photo: EXIF orientation applied, palettes and CMYK turned to RGB, 16 bits kept.

    Args:
        path: the file, of one of `FORMATS` by its content.
        most: bytes that decoding may take, see `decoding_bytes`; None bounds the size to `MAX_PIXELS` instead.

    Raises:
        DataError: missing, unreadable, damaged, animated, of an unknown format, or too large.
    """
    path = Path(path)
    with _opened(path) as image:
        needed, pixels = bytes_to_decode(path, image), image.width * image.height
        if most is not None and needed > most:
            raise _unusable(path, f"decoding it takes {needed:,} bytes, {most:,} are allowed")
        if most is None and pixels > MAX_PIXELS:
            raise _unusable(
                path, f"{pixels:,} pixels exceed the limit of {MAX_PIXELS:,}", "scale it down or cut it up first"
            )
        orientation = orientation_of(image)
        metadata = read_metadata(path, image, turned=orientation in TURNED)
        return Photo(*decode(path, image, orientation), metadata)


def decoding_bytes(path: str | Path) -> int:
    """What `load_photo` takes at its peak for this file, from its header alone; raises as `load_photo`."""
    path = Path(path)
    with _opened(path) as image:
        return bytes_to_decode(path, image)


def save_photo(photo: Photo, path: str | Path) -> None:
    """Write a photo in the format of the path's extension; raises as `photo_writer`."""
    pixels = photo.pixels if photo.alpha is None else np.dstack([photo.pixels, photo.alpha])
    height, width, channels = pixels.shape
    with photo_writer(Path(path), (height, width, channels), pixels.dtype, photo.metadata) as write:
        write(pixels)


@contextmanager
def _opened(path: Path) -> Iterator[ImageFile.ImageFile]:
    """The file as Pillow opens it; whatever Pillow raises inside the block becomes a `DataError`."""
    try:
        require_regular(path)
        with path.open("rb") as file, warnings.catch_warnings():
            # Pillow warns of damage, in several lines, that it could do without what it touches.
            warnings.simplefilter("ignore")
            image = _identified(path, file)
            find_late_exif(path, image)
            require_decodable(image)
            yield image
    except Undecodable as error:
        raise _unusable(path, str(error), error.hint) from None
    except Image.DecompressionBombError as error:  # raised while opening, by GIF for one
        raise _unusable(path, str(error), "scale it down or cut it up first") from None
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from None
    except DAMAGED as error:
        raise _unusable(path, f"it is damaged ({error})") from None


def _identified(path: Path, file: Any) -> ImageFile.ImageFile:
    """As `PIL.Image.open`, which would refuse large photos: how large they may be is a matter of the memory allowed."""
    prefix = file.read(PREFIX_BYTES)
    for name in FORMATS:
        factory, accepts = Image.OPEN.get(name, (None, None))
        try:
            # Where a library is missing, the answer is a text that says so.
            if factory is None or (accepts and accepts(prefix) is not True):
                continue
            file.seek(0)
            # Without a name, by which Pillow maps some files into memory: greys of TIFF then miss their orientation.
            return factory(file, "")
        except (SyntaxError, LookupError, TypeError, struct.error):
            continue
    raise _unusable(path, "it is not an image of a known format", f"slsc reads {', '.join(FORMATS)}")


def _unusable(path: Path, why: str, hint: str | None = None) -> DataError:
    return DataError("cannot use the image", where=str(path), why=why, hint=hint)

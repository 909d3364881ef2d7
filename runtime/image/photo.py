"""Photos as they come: opened into plain arrays, whatever the file's mode, depth or orientation."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from slsc.errors import DataError
from slsc.runtime.image.photo_writer import photo_writer
from slsc.runtime.regular_file import require_regular
from slsc.runtime.tiles.tiling import slices

EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm")
"""What `list_photos` takes for a photo."""

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM")
"""What Pillow may take a file's content for, whatever its name is. JPEG includes MPO, the phones' form with previews.

Pillow knows many more, of which some hand the file to a program outside: EPS and PS start Ghostscript.
"""

DAMAGED = (SyntaxError, ValueError, TypeError, EOFError, KeyError, IndexError, struct.error, OverflowError)
"""What Pillow's decoders let through on damaged files."""

STRIP_ROWS = 256
ORIENTATION_TAG = 0x0112
GREY_MODES, GREY_ALPHA_MODES = ("1", "L", "I;16", "I;16B", "I;16L", "I;16N", "I"), ("LA", "La")
ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")


@dataclass(frozen=True)
class Photo:
    """An opened photo.

    Attributes:
        pixels: HxWx1 or HxWx3 (RGB), uint8 or uint16, full range of the type, upright.
        alpha: HxW of the same dtype, 0 = transparent; None when the file has no transparency.
        icc: the file's ICC profile, kept so that colours keep their meaning; None when there is none.
    """

    pixels: npt.NDArray[Any]
    alpha: npt.NDArray[Any] | None = None
    icc: bytes | None = None


def list_photos(folder: str | Path) -> list[Path]:
    """The photos of a folder, by extension, sorted by name; sub-folders are not entered.

    Raises:
        DataError: the folder cannot be read, or holds no photo.
    """
    folder = Path(folder)
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in EXTENSIONS and path.is_file())
    except OSError as error:
        raise DataError("cannot read the folder", where=str(folder), why=error.strerror) from None
    if not paths:
        raise DataError("the folder holds no photo", where=str(folder), hint=f"looked for {', '.join(EXTENSIONS)}")
    return paths


def load_photo(path: str | Path) -> Photo:
    """Open a photo: EXIF orientation applied, palettes and CMYK turned to RGB, 16 bits kept.

    Raises:
        DataError: missing, unreadable, damaged, animated, of an unknown format, or beyond Pillow's limit of pixels.
    """
    path = Path(path)
    with _opened(path) as image:
        return _decode(path, image)


def decoding_bytes(path: str | Path) -> int:
    """What `load_photo` takes at its peak for this file, from its header alone; raises as `load_photo`."""
    with _opened(Path(path)) as image:
        # Pillow's picture and our array, or what OpenCV decodes and the same in our order of channels.
        return image.width * image.height * (16 if _is_deep_colour(image) else 8)


@contextmanager
def _opened(path: Path) -> Iterator[ImageFile.ImageFile]:
    """The file as Pillow opens it; whatever Pillow raises inside the block becomes a `DataError`."""
    try:
        require_regular(path)
        with Image.open(path, formats=FORMATS) as image:
            yield image
    except Image.UnidentifiedImageError:
        raise _unusable(path, "it is not an image of a known format", f"slsc reads {', '.join(FORMATS)}") from None
    except Image.DecompressionBombError as error:
        raise _unusable(path, str(error), "scale it down or cut it up first") from None
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from None
    except DAMAGED as error:
        raise _unusable(path, f"it is damaged ({error})") from None


def save_photo(photo: Photo, path: str | Path) -> None:
    """Write a photo in the format of the path's extension; raises as `photo_writer`."""
    pixels = photo.pixels if photo.alpha is None else np.dstack([photo.pixels, photo.alpha])
    with photo_writer(Path(path), pixels.shape, pixels.dtype, photo.icc) as write:
        write(pixels)


def _unusable(path: Path, why: str, hint: str | None = None) -> DataError:
    return DataError("cannot use the image", where=str(path), why=why, hint=hint)


def _decode(path: Path, image: ImageFile.ImageFile) -> Photo:
    # Phone cameras append previews to their JPEGs (MPO); the first frame is the photo.
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        raise _unusable(path, f"it holds {frames} frames", "extract the frame you want first")
    if _is_deep_colour(image):
        pixels = _decode_deep(path, grey="LA;16" in _layout(image))
    else:
        pixels = _decode_pillow(path, image)
    pixels = _upright(pixels, image.getexif().get(ORIENTATION_TAG, 1))
    icc = image.info.get("icc_profile")
    alpha = None
    if pixels.shape[2] in (2, 4):
        pixels, alpha = pixels[:, :, :-1], np.ascontiguousarray(pixels[:, :, -1])
    return Photo(np.ascontiguousarray(pixels), alpha, None if image.mode == "CMYK" else icc)


def _layout(image: ImageFile.ImageFile) -> str:
    """How the file lays out its samples, such as "RGB;16B"; known until the pixels are loaded."""
    return str(image.tile[0][3]) if image.tile else ""


def _is_deep_colour(image: ImageFile.ImageFile) -> bool:
    """Whether the file has 16 bits per sample and more than one channel, which Pillow reads as 8 bits."""
    return ";16" in _layout(image) and not image.mode.startswith("I")


def _decode_pillow(path: Path, image: Image.Image) -> npt.NDArray[Any]:
    """HxWxC with C = 1, 2 (grey + alpha), 3 or 4 (RGB + alpha); uint8, or uint16 for deep greys."""
    if image.mode == "F":
        raise _unusable(path, "floating-point pixels have no stated range", "convert it to 16-bit PNG")
    if image.mode.startswith("I"):
        deep = np.asarray(image)
        if deep.min() < 0 or deep.max() > 65535:
            raise _unusable(path, "32-bit pixels have no stated range", "convert it to 16-bit PNG")
        return deep.astype(np.uint16)[:, :, None]
    grey = image.mode in GREY_MODES + GREY_ALPHA_MODES
    transparent = image.mode in ALPHA_MODES or "transparency" in image.info
    mode = ("LA" if transparent else "L") if grey else ("RGBA" if transparent else "RGB")
    picture = image if image.mode == mode else image.convert(mode)
    pixels = np.empty((image.height, image.width, len(mode)), np.uint8)
    for start, stop in slices(0, image.height, STRIP_ROWS):
        # Strip by strip, because Pillow hands out pixels through two further copies.
        strip = np.asarray(picture.crop((0, start, image.width, stop)))
        pixels[start:stop] = strip.reshape(stop - start, image.width, -1)
    return pixels


def _decode_deep(path: Path, *, grey: bool) -> npt.NDArray[Any]:
    """16-bit colour, or grey with alpha, through OpenCV."""
    import cv2  # Here, because it costs 30 MB and most photos do not need it.

    pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim != 3:
        raise _unusable(path, "its 16-bit pixels cannot be decoded")
    pixels = pixels[:, :, [2, 1, 0, 3][: pixels.shape[2]]]
    return pixels[:, :, [0, 3]] if grey else pixels


def _upright(pixels: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """Undo the EXIF orientation (Exif 2.32, tag 274: the side of the scene at row 0 and at column 0)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels

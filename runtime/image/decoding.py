"""An opened photo file turned into plain arrays strip by strip, so that nothing is held twice, and what that takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from slsc.runtime.image.tiff_kinds import PREMULTIPLIED, fourth_sample, reason_to_refuse, white_is_zero
from slsc.runtime.tiles.tiling import slices

STRIP_PIXELS = 1 << 16
TURNED = (5, 6, 7, 8)
"""EXIF orientations with height and width exchanged."""

GREY_MODES, GREY_ALPHA_MODES = ("1", "L"), ("LA", "La")
DEEP_GREY_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I")
ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")
PACKED_GREYS = {"L;2": 85, "L;4": 17}
"""Layouts of PNG's greys of 2 and 4 bits, and what their 1 becomes."""

WHITE = 65535

Pixels = npt.NDArray[Any]


class Undecodable(Exception):
    """The pixels cannot be had; the message says why, `hint` what helps."""

    def __init__(self, why: str, hint: str | None = None) -> None:
        super().__init__(why)
        self.hint = hint


@dataclass(frozen=True)
class Source:
    """Pixels to be had strip by strip.

    Attributes:
        height, width: as stored.
        channels: 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha.
        dtype: uint8 or uint16.
        rows: from the first to the one before the last row, as (rows, width, channels).
    """

    height: int
    width: int
    channels: int
    dtype: type
    rows: Callable[[int, int], Pixels]


def decode(path: Path, image: ImageFile.ImageFile, orientation: int) -> tuple[Pixels, Pixels | None]:
    """Pixels, HxWx1 or HxWx3, uint8 or uint16, upright, and alpha, HxW, or None.

    Args:
        path: the file.
        image: as Pillow opened it, not loaded yet.
        orientation: EXIF's, of the pixels as stored.

    Raises:
        Undecodable: they are of a kind that is not read, or damaged.
    """
    if isinstance(image, TiffImageFile):
        orientation = 1  # Pillow and OpenCV turn TIFFs upright themselves
    source = _deep_colour(path, image) if is_deep_colour(image) else _by_pillow(image)
    colours = source.channels - (source.channels in (2, 4))
    size = (source.width, source.height) if orientation in TURNED else (source.height, source.width)
    pixels: Pixels = np.empty((*size, colours), source.dtype)
    alpha: Pixels | None = np.empty(size, source.dtype) if colours < source.channels else None
    into = _as_stored(pixels, orientation)
    alpha_into = None if alpha is None else _as_stored(alpha, orientation)
    for start, stop in slices(0, source.height, max(1, STRIP_PIXELS // source.width)):
        strip = source.rows(start, stop)
        into[start:stop] = strip[:, :, :colours]
        if alpha_into is not None:
            alpha_into[start:stop] = strip[:, :, colours]
    return pixels, alpha


def _as_stored(pixels: Pixels, orientation: int) -> Pixels:
    """A view of upright pixels in the file's order (Exif 2.32, tag 274: which sides are at row 0 and column 0)."""
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels.swapaxes(0, 1) if orientation in TURNED else pixels


def require_decodable(image: ImageFile.ImageFile) -> None:
    """Refuse what the header shows to be of a kind that is not read.

    Raises:
        Undecodable: says why.
    """
    # Phone cameras append previews to their JPEGs (MPO); the first frame is the photo.
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        raise Undecodable(f"it holds {frames} frames", "extract the frame you want first")
    why = reason_to_refuse(image) if isinstance(image, TiffImageFile) else None
    if why or image.mode == "F":
        raise Undecodable(why or "floating-point pixels have no stated range", "convert it to 8- or 16-bit RGB or PNG")


def layout(image: ImageFile.ImageFile) -> str:
    """How the file lays out its samples, such as "RGB;16B"; known until the pixels are loaded."""
    arguments = image.tile[0][3] if image.tile else ""
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def is_deep_colour(image: ImageFile.ImageFile) -> bool:
    """Whether the file has more than 8 bits per sample and more than one channel, which Pillow reads as 8 bits."""
    if image.format == "PPM":
        return image.mode == "RGB" and netpbm_white(image) > 255
    return ";16" in layout(image) and not image.mode.startswith("I")


def netpbm_white(image: ImageFile.ImageFile) -> int:
    """The largest sample that a PPM declares."""
    arguments = image.tile[0][3]
    return int(arguments[1]) if isinstance(arguments, tuple) and image.tile[0][0] == "ppm" else 255


def _by_pillow(image: ImageFile.ImageFile) -> Source:
    unit = PACKED_GREYS.get(layout(image), 1)
    image.load()
    if "transparency" in image.info and unit > 1:
        image.info["transparency"] *= unit  # Pillow spreads the greys over 0..255, but not the one that is transparent
    if image.mode in DEEP_GREY_MODES:
        key = image.info.get("transparency")
        negative = isinstance(image, TiffImageFile) and white_is_zero(image)

        def deep(start: int, stop: int) -> Pixels:
            return _deep_grey(np.asarray(image.crop((0, start, image.width, stop))), key, negative)

        return Source(image.height, image.width, 1 if key is None else 2, np.uint16, deep)
    grey = image.mode in GREY_MODES + GREY_ALPHA_MODES
    transparent = image.mode in ALPHA_MODES or "transparency" in image.info
    mode = ("LA" if transparent else "L") if grey else ("RGBA" if transparent else "RGB")
    convert = _conversion(image, mode)

    def rows(start: int, stop: int) -> Pixels:
        strip = image.crop((0, start, image.width, stop))
        return np.asarray(convert(strip)).reshape(stop - start, image.width, len(mode))

    return Source(image.height, image.width, len(mode), np.uint8, rows)


def _conversion(image: Image.Image, mode: str) -> Callable[[Image.Image], Image.Image]:
    """How strips get into a mode: CMYK through the file's profile into sRGB, where it has one that works."""
    if image.mode == mode:
        return lambda strip: strip
    if image.mode == "CMYK" and image.info.get("icc_profile"):
        try:
            profile = ImageCms.ImageCmsProfile(BytesIO(image.info["icc_profile"]))
            inks = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), "CMYK", "RGB")
        except (ImageCms.PyCMSError, OSError):
            return lambda strip: strip.convert(mode)
        return lambda strip: ImageCms.applyTransform(strip, inks) or strip
    return lambda strip: strip.convert(mode)


def _deep_grey(values: Pixels, key: int | None, negative: bool) -> Pixels:
    if values.min() < 0 or values.max() > WHITE:
        raise Undecodable("32-bit pixels have no stated range", "convert it to 16-bit PNG")
    greys = values.astype(np.uint16)
    if negative:
        greys = WHITE - greys
    return greys[:, :, None] if key is None else np.dstack([greys, np.where(greys == key, 0, WHITE).astype(np.uint16)])


def _deep_colour(path: Path, image: ImageFile.ImageFile) -> Source:
    """16-bit colour, or grey with alpha, through OpenCV."""
    pixels = _by_opencv(path)
    height, width, found = pixels.shape
    is_tiff = isinstance(image, TiffImageFile)
    fourth = fourth_sample(image) if isinstance(image, TiffImageFile) and found == 4 else 0
    order = [2, 1, 0] if is_tiff and not fourth else [2, 1, 0, 3][:found]
    if image.format == "PNG" and layout(image).startswith("LA;16"):
        order = [0, 3]
    white = netpbm_white(image) if image.format == "PPM" else WHITE

    def rows(start: int, stop: int) -> Pixels:
        strip = pixels[start:stop, :, order]
        if fourth == PREMULTIPLIED:
            strip = _plain(strip)
        return strip if white == WHITE else np.rint(strip * (WHITE / white)).astype(np.uint16)

    return Source(height, width, len(order), np.uint16, rows)


def _by_opencv(path: Path) -> Pixels:
    import cv2  # Here, because it costs 30 MB and most photos do not need it.

    logging = cv2.utils.logging
    level = logging.getLogLevel()
    logging.setLogLevel(logging.LOG_LEVEL_SILENT)  # it tells damage on stderr
    try:
        pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise Undecodable(f"its 16-bit pixels cannot be decoded ({' '.join(str(error).split())[:200]})") from None
    finally:
        logging.setLogLevel(level)
    if pixels is None or pixels.ndim != 3 or pixels.dtype != np.uint16:
        raise Undecodable("its 16-bit pixels cannot be decoded")
    return pixels


def _plain(strip: Pixels) -> Pixels:
    """Colours that were multiplied by their alpha, as they were before."""
    alpha = strip[:, :, 3:].astype(np.float32)
    colours = np.divide(
        strip[:, :, :3] * np.float32(WHITE), alpha, out=np.zeros_like(alpha.repeat(3, 2)), where=alpha > 0
    )
    return np.dstack([np.rint(np.minimum(colours, WHITE)).astype(np.uint16), strip[:, :, 3]])

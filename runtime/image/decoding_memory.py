"""What decoding a photo takes at its peak, from its header alone.

The figures are measured: `tests/runtime/image/test_decoding_memory.py` compares them with the resident set.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import ImageFile
from PIL.TiffImagePlugin import ROWSPERSTRIP, SAMPLESPERPIXEL, TiffImageFile

from slsc.runtime.image.decoding import (
    ALPHA_MODES,
    DEEP_GREY_MODES,
    GREY_ALPHA_MODES,
    GREY_MODES,
    STRIP_PIXELS,
    is_deep_colour,
    layout,
    netpbm_white,
)
from slsc.runtime.image.exif import orientation_of

STRIP_BYTES = 48 * STRIP_PIXELS
"""A strip as Pillow cuts it out and converts it, as an array, and in between as floats, before it is in its place."""

STORED = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
"""Bytes a pixel of Pillow's own storage by mode; 4 for any other."""

WHOLE_FILE = ("WEBP", "AVIF", "JPEG2000")
"""Formats whose files are read whole."""


def bytes_to_decode(path: Path, image: ImageFile.ImageFile) -> int:
    """Bytes that decoding an opened photo takes at its peak, its pixels included.

    Args:
        path: its file.
        image: as Pillow opened it, not loaded yet.
    """
    pixels = image.width * image.height
    deep = is_deep_colour(image)
    out = _result(image, deep)
    # Either the decoder's own buffers are there beside the picture, or the arrays that it is copied into.
    peak = _opencv(image) + out if deep else STORED.get(image.mode, 4) + max(out, _decoder(image))
    whole_file = path.stat().st_size if deep or image.format in WHOLE_FILE else 0
    return pixels * peak + whole_file + STRIP_BYTES


def _result(image: ImageFile.ImageFile, deep: bool) -> int:
    """Bytes a pixel of a `Photo`."""
    samples = 2 if deep or image.mode in DEEP_GREY_MODES else 1
    grey = image.mode in GREY_MODES + GREY_ALPHA_MODES + DEEP_GREY_MODES or layout(image).startswith("LA;16")
    transparent = image.mode in ALPHA_MODES or "transparency" in image.info
    return samples * ((1 if grey else 3) + transparent)


def _opencv(image: ImageFile.ImageFile) -> int:
    """Bytes a pixel of what OpenCV decodes to, 16 bits a sample."""
    if layout(image).startswith("LA;16"):
        return 12  # four channels, beside the two that they are made of
    return 8 if image.mode in ALPHA_MODES or "transparency" in image.info or _samples(image) > 3 else 6


def _samples(image: ImageFile.ImageFile) -> int:
    return int(image.tag_v2.get(SAMPLESPERPIXEL, 1)) if isinstance(image, TiffImageFile) else len(image.getbands())


def _decoder(image: ImageFile.ImageFile) -> int:
    """Bytes a pixel that a decoder holds beside Pillow's picture."""
    bands = len(image.getbands())
    if image.format in ("JPEG", "MPO"):
        return 2 * bands if image.info.get("progressive") else 0
    if image.format == "PPM":
        return 8 if netpbm_white(image) > 255 or image.tile[0][0] == "ppm" else 0
    if isinstance(image, TiffImageFile):
        return _of_tiff(image)
    return {"WEBP": 14, "AVIF": 4 * bands, "JPEG2000": 6 * bands, "BMP": 2, "GIF": 1}.get(str(image.format), 0)


def _of_tiff(image: TiffImageFile) -> int:
    """A strip, which may be the whole picture, or a second picture while Pillow turns it upright."""
    tags: Any = image.tag_v2
    rows = min(int(tags.get(ROWSPERSTRIP, image.height)), image.height)
    strip = -(-rows * _samples(image) * (2 if image.mode in DEEP_GREY_MODES else 1) // image.height)
    turned = STORED.get(image.mode, 4) if orientation_of(image) != 1 else 0
    return max(strip, turned)

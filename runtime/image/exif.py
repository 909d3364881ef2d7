"""EXIF and XMP of a photo, brought up to date for its restoration: upright, of another size, without previews."""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Iterator
from typing import Any

from PIL import ExifTags, Image, ImageFile
from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile

MAX_EXIF = 1 << 20
PREFIX = b"Exif\0\0"
ORIENTATION = ExifTags.Base.Orientation.value
MAKER_NOTE, INTEROP = 0x927C, 0xA005
EXIF_IFD, GPS_IFD = ExifTags.IFD.Exif.value, ExifTags.IFD.GPSInfo.value
SIDES = {0xA002: 1, 0xA003: 0}
"""Tags of width and height, and where each is in a size (height, width)."""

NOT_CARRIED = frozenset((
    254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 284, 288, 289, 290, 291,
    292, 293, 301, 317, 320, 321, 322, 323, 324, 325, 330, 332, 333, 334, 338, 339, 340, 341, 342, 347, 512, 513,
    514, 515, 519, 520, 521, 529, 530, 531, 532, 700, 33421, 33422, 33723, 34377, 34675, 37724, 50341,
))  # fmt: skip
"""Tags of the layout of pixels in a TIFF (TIFF 6.0), of profile and XMP, which are carried by themselves, and of
Photoshop's blocks, which hold previews."""

THUMBNAIL, THUMBNAIL_BYTES = 513, 514
TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
SHORT, LONG = 3, 4

FAULTS = (
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    LookupError,
    struct.error,
    ArithmeticError,
    AttributeError,
    OSError,
)
"""What Pillow lets through on damaged EXIF."""

XMP_ORIENTATION = re.compile(rb"""(:Orientation\s*(?:=\s*["']|>\s*))(\d)""")
XMP_WIDTH = re.compile(rb"""(:(?:ImageWidth|PixelXDimension)\s*(?:=\s*["']|>\s*))\d+""")
XMP_HEIGHT = re.compile(rb"""(:(?:ImageLength|PixelYDimension)\s*(?:=\s*["']|>\s*))\d+""")
XMP_PREVIEWS = re.compile(rb"<(\w+:Thumbnails)\b")


def orientation_of(image: ImageFile.ImageFile) -> int:
    """The orientation of the pixels as stored, 1 to 8, without decoding them; 1 where the file does not say."""
    raw = image.info.get("exif")
    if isinstance(raw, bytes):
        found = _orientation_in(raw.removeprefix(PREFIX)) or _orientation_in_xmp(image)
    else:
        try:
            # Not the image's own: for PNG that decodes the picture, in search of EXIF behind it.
            found = Image.Image.getexif(image).get(ORIENTATION, 1)
        except FAULTS:
            return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def xmp_of(image: ImageFile.ImageFile) -> bytes | None:
    """The XMP packet of an opened photo."""
    found = image.info.get("xmp", image.info.get("XML:com.adobe.xmp"))
    if isinstance(found, str):
        return found.encode("utf-8", "replace")
    return found if isinstance(found, bytes) else None


def exif_of(image: ImageFile.ImageFile) -> tuple[bytes | None, bool]:
    """The EXIF of an opened photo, None where it has none; and whether it has some that is broken."""
    raw = image.info.get("exif")
    if isinstance(raw, bytes):
        exif = raw.removeprefix(PREFIX)
        return (None, True) if len(exif) <= MAX_EXIF and _order(exif) is None else (exif, False)
    try:
        found = Image.Image.getexif(image)
        return (_of_tiff(found) if isinstance(image, TiffImageFile) else None), False
    except FAULTS:
        return None, True


def renewed_exif(exif: bytes, size: tuple[int, int]) -> bytes:
    """The EXIF of an upright picture of another size, (height, width), without its thumbnail.

    Changed in place, so that whatever refers to offsets, as makers' notes do, stays right.
    """
    data = bytearray(exif)
    order = _order(exif)
    if order is None:
        return exif
    (first,) = struct.unpack_from(f"{order}I", data, 4)
    details = first
    for at, tag in _entries(data, order, first):
        if tag == ORIENTATION:
            struct.pack_into(f"{order}HIHH", data, at + 2, SHORT, 1, 1, 0)
        elif tag == EXIF_IFD:
            (details,) = struct.unpack_from(f"{order}I", data, at + 8)
    for at, tag in _entries(data, order, details):
        if tag in SIDES:
            struct.pack_into(f"{order}HII", data, at + 2, LONG, 1, size[SIDES[tag]])
    return bytes(_without_thumbnail(data, order, first))


def exif_for_tiff(exif: bytes) -> dict[int, Any]:
    """The EXIF as the tags of a TIFF's directory; nested dictionaries are directories of their own.

    Raises:
        ValueError: it is broken.
    """
    order = _order(exif)
    if order is None or _values_bytes(exif, order) > 2 * len(exif):
        raise ValueError("its values overlap")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = Image.Exif()
            found.load(PREFIX + exif)
            tags = _carried(found)
            directory = ImageFileDirectory_v2()
            for tag, value in tags.items():
                directory[tag] = value
            directory.tobytes()
            return tags
    except FAULTS as error:
        raise ValueError(str(error)) from None


def renewed_xmp(xmp: bytes, size: tuple[int, int]) -> bytes:
    """The XMP packet of an upright picture of another size, (height, width), without previews."""
    xmp = XMP_ORIENTATION.sub(rb"\g<1>1", _without_previews(xmp))
    xmp = XMP_WIDTH.sub(rb"\g<1>%d" % size[1], xmp)
    return XMP_HEIGHT.sub(rb"\g<1>%d" % size[0], xmp)


def _orientation_in(exif: bytes) -> int | None:
    order = _order(exif)
    if order is None:
        return None
    (first,) = struct.unpack_from(f"{order}I", exif, 4)
    values = (
        struct.unpack_from(f"{order}H", exif, at + 8)[0]
        for at, tag in _entries(exif, order, first)
        if tag == ORIENTATION
    )
    return next(values, None)


def _orientation_in_xmp(image: ImageFile.ImageFile) -> int:
    found = XMP_ORIENTATION.search(xmp_of(image) or b"")
    return int(found[2]) if found else 1


def _without_previews(xmp: bytes) -> bytes:
    kept, at = [], 0
    while found := XMP_PREVIEWS.search(xmp, at):
        end = xmp.find(b"</" + found[1] + b">", found.end())
        if end < 0:
            break
        kept.append(xmp[at : found.start()])
        at = end + len(found[1]) + 3
    return b"".join((*kept, xmp[at:]))


def _of_tiff(found: Image.Exif) -> bytes | None:
    tags = _carried(found)
    if not tags:
        return None
    fresh = Image.Exif()
    fresh.endian = found.endian
    for tag, value in tags.items():
        fresh[tag] = value
    return fresh.tobytes().removeprefix(PREFIX)


def _carried(found: Image.Exif) -> dict[int, Any]:
    kept: dict[int, Any] = {tag: value for tag, value in found.items() if tag not in NOT_CARRIED}
    for tag in (EXIF_IFD, GPS_IFD):
        if tag in kept:
            # The note's offsets would lead nowhere once it has moved.
            kept[tag] = {key: value for key, value in found.get_ifd(tag).items() if key not in (MAKER_NOTE, INTEROP)}
    return kept


def _order(exif: bytes) -> str | None:
    """The order of bytes, as `struct` writes it; None where this is no TIFF file."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    return order if len(exif) >= 8 else None


def _entries(data: bytes | bytearray, order: str, start: int) -> Iterator[tuple[int, int]]:
    """Offset and tag of every whole entry of the directory at an offset."""
    if start + 2 > len(data):
        return
    (count,) = struct.unpack_from(f"{order}H", data, start)
    for at in range(start + 2, min(start + 2 + 12 * count, len(data) - 11), 12):
        yield at, struct.unpack_from(f"{order}H", data, at)[0]


def _without_thumbnail(data: bytearray, order: str, first: int) -> bytearray:
    """With the thumbnail overwritten, or cut off where it is last, and nothing that leads to it."""
    if first + 2 > len(data):
        return data
    link = first + 2 + 12 * struct.unpack_from(f"{order}H", data, first)[0]
    if link + 4 > len(data):
        return data
    found: dict[int, int] = {}
    for at, tag in _entries(data, order, struct.unpack_from(f"{order}I", data, link)[0] or len(data)):
        if tag in (THUMBNAIL, THUMBNAIL_BYTES):
            found[tag] = struct.unpack_from(f"{order}I", data, at + 8)[0]
    struct.pack_into(f"{order}I", data, link, 0)
    start = found.get(THUMBNAIL, 0)
    stop = min(start + found.get(THUMBNAIL_BYTES, 0), len(data))
    if not link + 4 <= start < stop:
        return data
    if stop == len(data):
        return data[:start]
    data[start:stop] = bytes(stop - start)
    return data


def _values_bytes(exif: bytes, order: str) -> int:
    """Bytes of all values of the first directories: more than there are where they overlap, made to fill memory."""
    total = 0
    starts = [struct.unpack_from(f"{order}I", exif, 4)[0]]
    for start in starts:
        for at, tag in _entries(exif, order, start):
            kind, count, value = struct.unpack_from(f"{order}HII", exif, at + 2)
            total += count * TYPE_BYTES.get(kind, 0)
            if tag in (EXIF_IFD, GPS_IFD) and len(starts) < 4:
                starts.append(value)
    return total

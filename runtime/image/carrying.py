"""How each output format carries a photo's metadata, and what of it the format lacks."""

from __future__ import annotations

import zlib
from typing import Any

from slsc.runtime.image.exif import PREFIX, exif_for_tiff, renewed_exif, renewed_xmp
from slsc.runtime.image.metadata import METRE, PER_METRE, Metadata

JPEG_SEGMENT = 65533
"""Bytes that a segment of a JPEG holds."""

JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
JPEG_ICC = 255 * 65519
PNG_XMP = b"XML:com.adobe.xmp\0\0\0\0\0"
PNG_COLOURS = (b"cICP", b"sRGB", b"gAMA", b"cHRM", b"mDCV", b"cLLI")
TIFF_XMP, TIFF_ICC, TIFF_DENSITY, TIFF_UNIT = 700, 34675, (282, 283), 296
INCH, NO_UNIT = 2, 1


def renewed(metadata: Metadata, size: tuple[int, int]) -> Metadata:
    """The metadata of an upright picture of another size, (height, width)."""
    return Metadata(
        metadata.icc,
        metadata.chunks,
        metadata.density,
        metadata.exif and renewed_exif(metadata.exif, size),
        metadata.xmp and renewed_xmp(metadata.xmp, size),
        metadata.left_out,
    )


def lost(metadata: Metadata, name: str) -> list[str]:
    """What a format, by Pillow's name, cannot carry of the metadata, in words."""
    missing = []
    if name != "PNG" and (colours := metadata.foreign_colours()):
        missing.append(f"{', '.join(colours)}, without which colours are shown otherwise than meant")
    if metadata.icc and (name == "BMP" or (name == "JPEG" and len(metadata.icc) > JPEG_ICC)):
        missing.append("the ICC profile, without which colours are shown otherwise than meant")
    if metadata.exif and (name == "BMP" or (name == "JPEG" and len(PREFIX + metadata.exif) > JPEG_SEGMENT)):
        missing.append("EXIF")
    if metadata.xmp and (name == "BMP" or (name == "JPEG" and len(JPEG_XMP + metadata.xmp) > JPEG_SEGMENT)):
        missing.append("XMP")
    if metadata.exif and name == "TIFF":
        try:
            exif_for_tiff(metadata.exif)
        except ValueError:
            missing.append("EXIF that is damaged")
    return missing


def png_chunks(metadata: Metadata) -> list[tuple[bytes, bytes]]:
    """Chunks to write before the pixels."""
    chunks = [(kind, metadata.chunks[kind]) for kind in PNG_COLOURS if kind in metadata.chunks]
    if metadata.icc:
        # A file is to have one of the two (ISO/IEC 15948, 11.3.2.5).
        chunks = [chunk for chunk in chunks if chunk[0] != b"sRGB"]
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc)))
    if metadata.density:
        across, down, unit = metadata.density
        chunks.append((b"pHYs", across.to_bytes(4, "big") + down.to_bytes(4, "big") + bytes([unit])))
    if metadata.exif:
        chunks.append((b"eXIf", metadata.exif))
    if metadata.xmp:
        chunks.append((b"iTXt", PNG_XMP + metadata.xmp))
    return chunks


def pillow_options(metadata: Metadata, name: str) -> dict[str, Any]:
    """Options of Pillow's writers of JPEG, WebP and BMP."""
    options: dict[str, Any] = {}
    missing = lost(metadata, name)
    if metadata.density and metadata.density[2] == METRE and name != "WEBP":
        options["dpi"] = tuple(side / PER_METRE for side in metadata.density[:2])
    if name == "BMP":
        return options
    if metadata.icc and not any("ICC" in text for text in missing):
        options["icc_profile"] = metadata.icc
    if metadata.exif and "EXIF" not in missing:
        options["exif"] = PREFIX + metadata.exif
    if metadata.xmp and "XMP" not in missing:
        if name == "JPEG":
            segment = JPEG_XMP + metadata.xmp
            options["extra"] = b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment
        else:
            options["xmp"] = metadata.xmp
    return options


def tiff_tags(metadata: Metadata) -> dict[int, Any]:
    """Tags of a TIFF's directory."""
    tags: dict[int, Any] = {}
    if metadata.exif and not lost(Metadata(exif=metadata.exif), "TIFF"):
        tags.update(exif_for_tiff(metadata.exif))
    if metadata.icc:
        tags[TIFF_ICC] = metadata.icc
    if metadata.xmp:
        tags[TIFF_XMP] = metadata.xmp
    if metadata.density:
        unit = metadata.density[2]
        scale = PER_METRE if unit == METRE else 1
        tags.update({tag: side / scale for tag, side in zip(TIFF_DENSITY, metadata.density[:2], strict=True)})
        tags[TIFF_UNIT] = INCH if unit == METRE else NO_UNIT
    return tags

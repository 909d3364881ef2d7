"""What a photo's file says beside its pixels: how colours are meant, how dense the pixels lie, EXIF and XMP."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import ImageFile

from slsc.runtime.image.avif_colours import code_points
from slsc.runtime.image.bit_depth import bits_per_sample
from slsc.runtime.image.exif import MAX_EXIF, exif_of, xmp_of
from slsc.runtime.image.png_stream import SIGNATURE

COLOUR_CHUNKS = {b"cHRM": 32, b"gAMA": 4, b"sRGB": 1, b"cICP": 4, b"mDCV": 24, b"cLLI": 8}
"""PNG's chunks that say how colours are meant (ISO/IEC 15948, third edition), and their sizes."""

HDR_CHUNKS = (b"cICP", b"mDCV", b"cLLI")
SRGB_GAMMA = struct.pack(">I", 45455)
SRGB_CHROMATICITIES = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
SRGB_CODE_POINTS = bytes([1, 13, 0, 1])

MAX_ICC, MAX_XMP = 8 << 20, 1 << 20
MAX_CHUNKS = 10_000
METRE, ASPECT = 1, 0
PER_METRE = 1 / 0.0254


@dataclass(frozen=True)
class Metadata:
    """What is carried from a photo to its restoration.

    Attributes:
        icc: ICC profile.
        chunks: content of PNG's chunks of `COLOUR_CHUNKS`, by name; of other formats AVIF's code points only.
        density: pixels across and down, and `METRE` or, where only their ratio is known, `ASPECT`; upright.
        exif: in the form of a TIFF file, which EXIF is, of at most `MAX_EXIF` bytes.
        xmp: a packet of at most `MAX_XMP` bytes.
        left_out: what the file has and is not carried, for its size or its state.
    """

    icc: bytes | None = None
    chunks: Mapping[bytes, bytes] = field(default_factory=dict)
    density: tuple[int, int, int] | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    left_out: tuple[str, ...] = ()

    def stripped(self) -> Metadata:
        """What the colours and the shape of pixels need, nothing that tells of whoever took the photo."""
        return Metadata(icc=self.icc, chunks=self.chunks, density=self.density)

    def foreign_colours(self) -> list[str]:
        """Names of the chunks without which colours would be shown otherwise than meant."""
        hdr = [name for name in HDR_CHUNKS if name in self.chunks]
        if hdr and self.chunks.get(b"cICP") != SRGB_CODE_POINTS:
            return [name.decode() for name in hdr]
        if self.icc or b"sRGB" in self.chunks or hdr:
            return []
        usual = {b"gAMA": SRGB_GAMMA, b"cHRM": SRGB_CHROMATICITIES}
        return [name.decode() for name in usual if self.chunks.get(name, usual[name]) != usual[name]]


def read_metadata(path: Path, image: ImageFile.ImageFile, *, turned: bool) -> Metadata:
    """The metadata of an opened photo; damaged or oversized parts are left out, and named.

    Args:
        path: its file.
        image: as Pillow opened it.
        turned: whether width and height are exchanged to make it upright.
    """
    left_out: list[str] = []

    def bounded(name: str, data: bytes | None, most: int) -> bytes | None:
        if data and len(data) > most:
            left_out.append(f"{name} of {len(data):,} bytes")
        return data if data and len(data) <= most else None

    chunks = dict(_png_chunks(path)) if image.format == "PNG" else {}
    if image.format == "AVIF" and "icc_profile" not in image.info and (meant := code_points(path)):
        chunks[b"cICP"] = meant
    density = _density(chunks.pop(b"pHYs", None), image.info)
    if density and turned:
        density = (density[1], density[0], density[2])
    exif, broken = exif_of(image)
    if broken:
        left_out.append("EXIF that cannot be read")
    bits = bits_per_sample(path, image.format)
    if bits > 8 and not image.mode.startswith("I"):
        left_out.append(f"what its {bits} bits a sample hold beyond 8")
    return Metadata(
        # A profile of inks does not describe the RGB that they were turned into.
        icc=None if image.mode == "CMYK" else bounded("an ICC profile", _bytes(image.info.get("icc_profile")), MAX_ICC),
        chunks=chunks,
        density=density,
        exif=bounded("EXIF", exif, MAX_EXIF),
        xmp=bounded("XMP", xmp_of(image), MAX_XMP),
        left_out=tuple(left_out),
    )


def _bytes(value: Any) -> bytes | None:
    return value if isinstance(value, bytes) else None


def find_late_exif(path: Path, image: ImageFile.ImageFile) -> None:
    """Put EXIF that follows the pixels of a PNG where Pillow puts what comes before them."""
    if image.format == "PNG" and "exif" not in image.info:
        for _, data in _png_chunks(path, late=True):
            image.info["exif"] = data


def _png_chunks(path: Path, *, late: bool = False) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of interest before the pixels, or after them, whole ones of a fitting size."""
    sizes = {} if late else {**COLOUR_CHUNKS, b"pHYs": 9}
    with path.open("rb") as file:
        file.seek(len(SIGNATURE))
        for _ in range(MAX_CHUNKS):
            head = file.read(8)
            if len(head) < 8 or head[4:] == b"IEND" or (head[4:] == b"IDAT" and not late):
                return
            size, kind = int.from_bytes(head[:4], "big"), head[4:]
            if sizes.get(kind) != size and not (late and kind == b"eXIf" and size <= MAX_EXIF):
                file.seek(size + 4, 1)
                continue
            data = file.read(size)
            if file.read(4) == struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))):
                yield kind, data


def _density(phys: bytes | None, info: Mapping[Any, Any]) -> tuple[int, int, int] | None:
    """From PNG's pHYs, or what Pillow found."""
    if phys:
        across, down, unit = struct.unpack(">IIB", phys)
        return (across, down, unit) if unit in (METRE, ASPECT) and across and down else None
    try:
        across, down = (round(float(side) * PER_METRE) for side in info["dpi"])
    except (KeyError, TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None
    return (across, down, METRE) if min(across, down) >= 1 and max(across, down) < 1 << 31 else None

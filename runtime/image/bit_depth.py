"""Bits a sample of files of whose colours Pillow gives 8, whatever they have: JPEG 2000 and AVIF."""

from __future__ import annotations

from pathlib import Path

HEADER_BYTES = 1 << 16
"""Where what tells the depth is looked for."""

SIZ = b"\xff\x4f\xff\x51"
"""Start of a JPEG 2000 codestream, and its segment of sizes (ISO/IEC 15444-1, A.5.1)."""

SSIZ = 42
"""Place of the first component's depth, less one, after that start; the highest bit says that it is signed."""

AV1_CONFIGURATION = b"av1C"
"""Box of an AVIF (AV1-ISOBMFF, 2.3.3); its third byte holds high_bitdepth and twelve_bit."""

HIGH, TWELVE = 0x40, 0x20


def bits_per_sample(path: Path, kind: str | None) -> int:
    """Bits a sample of a file of this kind, by Pillow's name; 8 where it does not tell, or is of another kind."""
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
    if kind == "JPEG2000":
        at = header.find(SIZ) + SSIZ
        return (header[at] & 0x7F) + 1 if at >= SSIZ and at < len(header) else 8
    at = header.find(AV1_CONFIGURATION) + len(AV1_CONFIGURATION) + 2
    if kind != "AVIF" or at < len(AV1_CONFIGURATION) + 2 or at >= len(header) or not header[at] & HIGH:
        return 8
    return 12 if header[at] & TWELVE else 10

"""How the colours of an AVIF are meant: its code points (ISO/IEC 23091-2), which Pillow does not hand out."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

PATH = (b"meta", b"iprp", b"ipco", b"colr")
"""Boxes inside each other (ISO/IEC 14496-12, 23008-12)."""

MAX_META = 1 << 20
SRGB_LIKE = {(primaries, transfer) for primaries in (1, 2) for transfer in (1, 2, 6, 13)}
"""Primaries and transfer that are sRGB's, BT.709's, which everybody shows as sRGB, or not stated."""

RGB_FULL_RANGE = bytes([0, 1])


def code_points(path: Path) -> bytes | None:
    """The content of PNG's cICP that says the same of the decoded pixels; None where they are as good as sRGB."""
    with path.open("rb") as file:
        while len(head := file.read(8)) == 8:
            size, kind = struct.unpack(">I4s", head)
            if kind == PATH[0] and size <= MAX_META:
                return _found(memoryview(file.read(size - 8))[4:], 1)  # after version and flags
            if size < 8:
                return None
            file.seek(size - 8, 1)
    return None


def _found(boxes: memoryview, depth: int) -> bytes | None:
    for kind, content in _boxes(boxes):
        if kind != PATH[depth]:
            continue
        if depth + 1 < len(PATH):
            return _found(content, depth + 1)
        if content[:4] == b"nclx" and len(content) >= 8:
            primaries, transfer = struct.unpack_from(">HH", content, 4)
            known = max(primaries, transfer) < 256 and (primaries, transfer) not in SRGB_LIKE
            return bytes([primaries, transfer]) + RGB_FULL_RANGE if known else None
    return None


def _boxes(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if not 8 <= size <= len(data) - at:
            return
        yield kind, data[at + 8 : at + size]
        at += size

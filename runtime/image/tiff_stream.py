"""Writing TIFF (6.0) row band by row band: deflated strips as they come, then the directory, which Pillow packs."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL.TiffImagePlugin import ImageFileDirectory_v2

STRIP_OFFSETS = 273
STRIP_BYTES = 1 << 20
MAX_BYTES = (1 << 32) - (1 << 24)
"""Of all samples: what a classic TIFF's offsets reach even where deflating gains nothing, with room for its tags."""

MIN_IS_BLACK, RGB, DEFLATE, DIFFERENCES, PLAIN_ALPHA = 1, 2, 8, 2, 2
COMPRESSION_LEVEL = 4


class TiffStream:
    """One TIFF being written from top to bottom.

    Args:
        file: binary file, at its beginning, seekable, not closed here.
        height: rows, >= 1.
        width: pixels per row, >= 1.
        channels: 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA.
        dtype: uint8 or uint16.
        tags: to be written besides, by number; dictionaries become directories of their own.
    """

    def __init__(
        self, file: BinaryIO, height: int, width: int, channels: int, dtype: npt.DTypeLike, tags: Mapping[int, Any]
    ) -> None:
        self._file = file
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._shape = (height, width, channels)
        self._tags = tags
        self._strip_rows = max(1, STRIP_BYTES // (width * channels * self._dtype.itemsize))
        self._waiting = np.empty((0, width, channels), self._dtype)
        self._rows_left = height
        self._strips: list[tuple[int, int]] = []
        file.write(struct.pack("<2sHI", b"II", 42, 0))

    def write(self, rows: npt.NDArray[Any]) -> None:
        """Append rows, shape (n, width, channels), of the stream's dtype."""
        if rows.shape[1:] != self._shape[1:] or rows.dtype != self._dtype or len(rows) > self._rows_left:
            raise ValueError(f"rows {rows.shape} {rows.dtype} do not fit: {self._rows_left} of {self._shape} left")
        self._rows_left -= len(rows)
        rows = np.concatenate([self._waiting, rows])
        whole = len(rows) if not self._rows_left else len(rows) // self._strip_rows * self._strip_rows
        for start in range(0, whole, self._strip_rows):
            self._strip(rows[start : min(start + self._strip_rows, whole)])
        self._waiting = rows[whole:].copy()

    def close(self) -> None:
        """Write the directory; all rows must have been given."""
        if self._rows_left:
            raise ValueError(f"{self._rows_left} rows are missing")
        directory = ImageFileDirectory_v2(ifh=b"II\x2a\x00\x08\x00\x00\x00")
        for tag, value in {**self._tags, **self._layout()}.items():
            directory[tag] = value
        self._file.write(b"\0" * (self._file.tell() % 2))
        start = self._file.tell()
        self._file.write(_with_offsets(directory.tobytes(start), start, [offset for offset, _ in self._strips]))
        self._file.seek(4)
        self._file.write(struct.pack("<I", start))
        self._file.seek(0, 2)

    def _strip(self, rows: npt.NDArray[Any]) -> None:
        # Differences to the pixel on the left, modulo 2^bits (TIFF 6.0, section 14), deflate better.
        differences = rows.copy()
        differences[:, 1:] -= rows[:, :-1]
        packed = zlib.compress(differences.tobytes(), COMPRESSION_LEVEL)
        self._strips.append((self._file.tell(), len(packed)))
        self._file.write(packed)

    def _layout(self) -> dict[int, Any]:
        height, width, channels = self._shape
        extra = {338: PLAIN_ALPHA} if channels in (2, 4) else {}
        return {
            256: width,
            257: height,
            258: (8 * self._dtype.itemsize,) * channels,
            259: DEFLATE,
            262: RGB if channels > 2 else MIN_IS_BLACK,
            STRIP_OFFSETS: (0,) * len(self._strips),
            277: channels,
            278: self._strip_rows,
            279: tuple(size for _, size in self._strips),
            284: 1,
            317: DIFFERENCES,
            **extra,
        }


def _with_offsets(packed: bytes, start: int, offsets: list[int]) -> bytes:
    """A directory that is to lie at `start`, with the strips where they are: Pillow takes them to follow it."""
    data = bytearray(packed)
    (count,) = struct.unpack_from("<H", data)
    for at in range(2, 2 + 12 * count, 12):
        tag, _, _, value = struct.unpack_from("<HHII", data, at)
        if tag == STRIP_OFFSETS:
            struct.pack_into(f"<{len(offsets)}I", data, at + 8 if len(offsets) == 1 else value - start, *offsets)
    return bytes(data)

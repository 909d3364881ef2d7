"""The fields of a protobuf message, as far as the runtime looks into ONNX files, since it has no onnx package."""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
FIXED_BYTES = {FIXED64: 8, FIXED32: 4}
MAX_VARINT_BYTES = 10
MAX_TAG = (1 << 32) - 1


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field: an integer, or the bytes of a message, a text or a number of fixed size.

    Raises:
        ValueError: the message is not encoded as any ONNX exporter does it.
    """
    at = 0
    while at < len(message):
        tag, at = varint(message, at)
        kind = tag & 7
        if tag > MAX_TAG or kind not in (VARINT, LENGTH, *FIXED_BYTES):
            raise ValueError(f"a field of wire type {kind}")
        if kind == VARINT:
            value, at = varint(message, at)
            yield tag >> 3, value
            continue
        size = FIXED_BYTES.get(kind)
        if size is None:
            size, at = varint(message, at)
        if size > len(message) - at:
            raise ValueError("a field ends beyond its message")
        yield tag >> 3, message[at : at + size]
        at += size


def varint(message: memoryview, at: int) -> tuple[int, int]:
    """The number that begins at an offset, and the offset after it.

    Raises:
        ValueError: it does not end.
    """
    value = 0
    for index, byte in enumerate(message[at : at + MAX_VARINT_BYTES]):
        value |= (byte & 127) << 7 * index
        if byte < 128:
            return value, at + index + 1
    raise ValueError("a number does not end")


def integers(value: int | memoryview) -> Iterator[int]:
    """The integers of a repeated field, one or packed."""
    if isinstance(value, int):
        yield value
        return
    at = 0
    while at < len(value):
        number, at = varint(value, at)
        yield number

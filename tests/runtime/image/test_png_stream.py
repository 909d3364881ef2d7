from __future__ import annotations

import io
import struct

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slsc.runtime.image.png_stream import PngStream


def encode(pixels: np.ndarray, bands: list[int]) -> bytes:
    file = io.BytesIO()
    stream = PngStream(file, *pixels.shape, pixels.dtype)
    at = 0
    for size in [*bands, len(pixels)]:
        stream.write(pixels[at : at + size])
        at = min(at + size, len(pixels))
    stream.close()
    return file.getvalue()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 20),
    st.integers(1, 20),
    st.sampled_from([1, 3, 4]),
    st.sampled_from([np.uint8, np.uint16]),
    st.lists(st.integers(1, 6), max_size=3),
    st.integers(0, 2**32),
)
def test_opencv_reads_the_same_pixels(
    height: int, width: int, channels: int, dtype: type, bands: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    steps = rng.integers(0, 3, (height, width, channels))
    # Smooth in one half, noise in the other, so that every filter is chosen somewhere.
    pixels = np.cumsum(steps, axis=rng.integers(0, 2)).astype(dtype)
    pixels[height // 2 :] = rng.integers(0, np.iinfo(dtype).max + 1, pixels[height // 2 :].shape)
    decoded = cv2.imdecode(np.frombuffer(encode(pixels, bands), np.uint8), cv2.IMREAD_UNCHANGED)
    decoded = decoded.reshape(height, width, channels)
    order = [2, 1, 0, 3][:channels] if channels > 1 else [0]
    assert np.array_equal(decoded[:, :, order], pixels)


def test_smooth_pictures_get_smaller() -> None:
    ramp = np.add.outer(np.arange(128), np.arange(128)).astype(np.uint8)[:, :, None]
    assert len(encode(ramp, [])) < ramp.size / 20


def test_missing_and_surplus_rows_are_refused() -> None:
    stream = PngStream(io.BytesIO(), 4, 4, 3, np.uint8)
    stream.write(np.zeros((3, 4, 3), np.uint8))
    with pytest.raises(ValueError, match="1 rows are missing"):
        stream.close()
    with pytest.raises(ValueError, match="do not fit"):
        stream.write(np.zeros((2, 4, 3), np.uint8))
    with pytest.raises(ValueError, match="do not fit"):
        stream.write(np.zeros((1, 4, 3), np.uint16))


def test_header() -> None:
    data = encode(np.zeros((2, 5, 2), np.uint16), [])
    assert struct.unpack(">IIBB", data[16:26]) == (5, 2, 16, 4)

"""Photo files of every kind, seeded, each with the pixels that are to come out of it."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

SUFFIXES = {"png": ".png", "jpeg": ".jpg", "webp": ".webp", "tiff": ".tif", "bmp": ".bmp", "gif": ".gif", "ppm": ".ppm",
            "jp2": ".jp2", "avif": ".avif"}  # fmt: skip
ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""First row and column, and steps, of the passes of an interlaced PNG."""


@dataclass(frozen=True)
class Kind:
    """A kind of photo file.

    Attributes:
        name: format and what is special.
        make: from a height and a width to the file's bytes, the pixels (HxWxC) and the alpha (HxW) or None.
        off: how far pixels may be off, in levels of 8 bit: 0 for lossless files.
    """

    name: str
    make: Callable[[int, int], tuple[bytes, np.ndarray, np.ndarray | None]]
    off: float = 0

    @property
    def suffix(self) -> str:
        return SUFFIXES[self.name.partition("-")[0]]


def smooth(height: int, width: int, channels: int, top: int = 255) -> np.ndarray:
    """Gradients with a little noise: lossy formats keep them, and no two channels, rows or columns are alike."""
    rng = np.random.default_rng(height * 7919 + width * 31 + channels)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    planes = [
        0.15 + 0.6 * (rows / height * (i + 1) + columns / width * (4 - i)) / (5 + i) + 0.02 * i for i in range(channels)
    ]
    values = np.stack(planes, 2) * top + rng.integers(-2, 3, (height, width, channels)) * (top / 255)
    return np.clip(np.rint(values), 0, top).astype(np.uint8 if top < 256 else np.uint16)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def png(samples: np.ndarray, depth: int, colour_type: int, extra: bytes = b"", *, interlaced: bool = False) -> bytes:
    """A PNG of samples HxWxC, each below 2^depth."""
    height, width = samples.shape[:2]

    def packed(part: np.ndarray) -> bytes:
        if part.size == 0:
            return b""
        flat = part.reshape(len(part), -1)
        if depth == 16:
            rows = flat.astype(">u2").view(np.uint8)
        elif depth == 8:
            rows = flat.astype(np.uint8)
        else:
            bits = (flat[:, :, None] >> np.arange(depth - 1, -1, -1)) & 1
            rows = np.packbits(bits.reshape(len(part), -1).astype(np.uint8), axis=1)
        return np.hstack([np.zeros((len(rows), 1), np.uint8), rows]).tobytes()

    passes = [samples[r::dr, c::dc] for r, c, dr, dc in ADAM7] if interlaced else [samples]
    head = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, int(interlaced))
    data = zlib.compress(b"".join(map(packed, passes)), 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def png_kind(depth: int, colour_type: int, key: bool = False, interlaced: bool = False) -> Kind:
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour_type]
    top = (1 << depth) - 1

    def make(height: int, width: int) -> tuple[bytes, np.ndarray, np.ndarray | None]:
        samples = smooth(height, width, channels, 65535 if depth == 16 else 255)
        samples = (samples.astype(np.int64) * (top + 1) >> (16 if depth == 16 else 8)).astype(samples.dtype)
        extra, alpha = b"", None
        scale = 1 if depth == 16 else 255 // top
        if key:
            value = samples[height // 2, width // 3]
            extra = chunk(b"tRNS", value.astype(">u2").tobytes())
            alpha = np.where((samples == value).all(axis=2), 0, 65535 if depth == 16 else 255).astype(samples.dtype)
        data = png(samples, depth, colour_type, extra, interlaced=interlaced)
        if channels in (2, 4):
            return data, samples[:, :, :-1] * scale, samples[:, :, -1] * scale
        return data, samples * scale, alpha

    what = {0: "grey", 2: "rgb", 4: "grey-alpha", 6: "rgba"}[colour_type]
    return Kind(f"png-{what}-{depth}{'-key' if key else ''}{'-interlaced' if interlaced else ''}", make)


def palette_kind(depth: int, transparent: bool = False, interlaced: bool = False) -> Kind:
    def make(height: int, width: int) -> tuple[bytes, np.ndarray, np.ndarray | None]:
        rng = np.random.default_rng(depth)
        colours = rng.integers(0, 256, (1 << depth, 3), np.uint8)
        clear = rng.integers(0, 256, 1 << depth, np.uint8)
        indices = rng.integers(0, 1 << depth, (height, width, 1), np.uint8)
        extra = chunk(b"PLTE", colours.tobytes()) + (chunk(b"tRNS", clear.tobytes()) if transparent else b"")
        data = png(indices, depth, 3, extra, interlaced=interlaced)
        return data, colours[indices[:, :, 0]], clear[indices[:, :, 0]] if transparent else None

    return Kind(f"png-palette-{depth}{'-alpha' if transparent else ''}{'-interlaced' if interlaced else ''}", make)


def saved(pixels: np.ndarray, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(file, form, **options)
    return file.getvalue()


def pillow_kind(name: str, form: str, channels: int, off: float = 0, **options: Any) -> Kind:
    def make(height: int, width: int) -> tuple[bytes, np.ndarray, np.ndarray | None]:
        pixels = smooth(height, width, channels)
        data = saved(pixels, form, **options)
        return (data, pixels, None) if channels in (1, 3) else (data, pixels[:, :, :-1], pixels[:, :, -1])

    return Kind(name, make, off)


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """As the EXIF standard draws them: where row 0 and column 0 are to be seen."""
    return {
        1: lambda p: p, 2: lambda p: p[:, ::-1], 3: lambda p: p[::-1, ::-1], 4: lambda p: p[::-1],
        5: lambda p: p.swapaxes(0, 1), 6: lambda p: np.rot90(p, -1), 7: lambda p: np.rot90(p, 2).swapaxes(0, 1),
        8: lambda p: np.rot90(p),
    }[orientation](pixels)  # fmt: skip


def turned_kind(form: str, orientation: int, off: float = 0, **options: Any) -> Kind:
    def make(height: int, width: int) -> tuple[bytes, np.ndarray, None]:
        exif = Image.Exif()
        exif[0x0112] = orientation
        pixels = smooth(height, width, 3)
        return saved(pixels, form, exif=exif.tobytes(), **options), upright(pixels, orientation), None

    return Kind(f"{form.lower()}-orientation-{orientation}", make, off)


def cmyk(height: int, width: int) -> tuple[Image.Image, np.ndarray]:
    inks = smooth(height, width, 4) // 2
    values = 255 - inks.astype(np.float32)
    return Image.fromarray(inks, "CMYK"), np.rint(values[:, :, :3] * values[:, :, 3:] / 255).astype(np.uint8)


def cmyk_kind(name: str, form: str, off: float, **options: Any) -> Kind:
    def make(height: int, width: int) -> tuple[bytes, np.ndarray, None]:
        picture, pixels = cmyk(height, width)
        file = io.BytesIO()
        picture.save(file, form, **options)
        return file.getvalue(), pixels, None

    return Kind(name, make, off)


def ycck(height: int, width: int) -> tuple[bytes, np.ndarray, None]:
    """A CMYK JPEG whose Adobe segment says that it holds YCCK, which is then what its samples mean."""
    samples = np.clip(smooth(height, width, 4), 100, 156)
    file = io.BytesIO()
    Image.fromarray(255 - samples, "CMYK").save(file, "JPEG", quality=100, subsampling=0)  # stored inverted
    data = bytearray(file.getvalue())
    segment = data.index(b"Adobe")
    data[segment + 11] = 2
    y, cb, cr, k = np.moveaxis(samples.astype(np.float32), 2, 0)
    rgb = np.stack(
        [y + 1.402 * (cr - 128), y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128), y + 1.772 * (cb - 128)], 2
    )
    # libjpeg turns YCC to CMY as 255 - RGB; Adobe stores inks inverted, so what is shown is their complement.
    shown = np.clip(255 - rgb, 0, 255) * k[:, :, None] / 255
    return bytes(data), np.rint(shown).astype(np.uint8), None


def mpo(height: int, width: int) -> tuple[bytes, np.ndarray, None]:
    pixels, file = smooth(height, width, 3), io.BytesIO()
    preview = Image.new("RGB", (8, 8), "blue")
    Image.fromarray(pixels).save(file, "MPO", save_all=True, append_images=[preview], quality=100, subsampling=0)
    return file.getvalue(), pixels, None


def tiff_kind(
    what: str,
    channels: int = 3,
    dtype: type = np.uint8,
    invert: bool = False,
    premultiplied: bool = False,
    **options: Any,
) -> Kind:
    def make(height: int, width: int) -> tuple[bytes, np.ndarray, np.ndarray | None]:
        tifffile = pytest.importorskip("tifffile")
        top = np.iinfo(dtype).max
        pixels = smooth(height, width, channels, int(top))
        kept = pixels
        if premultiplied:
            alpha = pixels[:, :, -1:].astype(np.float64)
            pixels = pixels.copy()
            pixels[:, :, :-1] = np.rint(pixels[:, :, :-1] * (alpha / top))
            kept = np.dstack([np.rint(np.minimum(pixels[:, :, :-1] * (top / alpha), top)), pixels[:, :, -1]]).astype(
                dtype
            )
        stored = top - pixels if invert else pixels
        if options.get("planarconfig") == "separate":
            stored = np.moveaxis(stored, 2, 0)
        stored = stored[:, :, 0] if channels == 1 else stored
        file = io.BytesIO()
        given = {"photometric": "rgb" if channels > 2 else "minisblack", "metadata": None, **options}
        tifffile.imwrite(file, stored, **given)
        orientation = next((tag[3] for tag in options.get("extratags", ()) if tag[0] == 274), 1)
        kept = upright(kept, orientation)
        return (
            (file.getvalue(), kept, None) if channels in (1, 3) else (file.getvalue(), kept[:, :, :-1], kept[:, :, -1])
        )

    # Pillow undoes the multiplication in whole numbers.
    return Kind(f"tiff-{what}", make, 2 if premultiplied else 0)


def deep_tiff_by_opencv(what: str, compression: int) -> Kind:
    def make(height: int, width: int) -> tuple[bytes, np.ndarray, None]:
        pixels = smooth(height, width, 3, 65535)
        options = [cv2.IMWRITE_TIFF_COMPRESSION, compression]
        return cv2.imencode(".tiff", pixels[:, :, ::-1], options)[1].tobytes(), pixels, None

    return Kind(f"tiff-{what}", make)


def of_mode(name: str, form: str, mode: str, **options: Any) -> Kind:
    """A picture turned to a mode by Pillow beforehand; its pixels are those of that picture."""

    def make(height: int, width: int) -> tuple[bytes, np.ndarray, np.ndarray | None]:
        picture = Image.fromarray(smooth(height, width, 3))
        picture = picture.quantize(32) if mode == "P" else picture.convert(mode)
        file = io.BytesIO()
        picture.save(file, form, **options)
        shown = np.asarray(picture.convert("RGB" if mode == "P" else "L"))
        alpha = None
        if "transparency" in options:
            alpha = np.where(np.asarray(picture) == options["transparency"], 0, 255).astype(np.uint8)
        return file.getvalue(), shown.reshape(height, width, -1), alpha

    return Kind(name, make)


def netpbm(what: str, magic: bytes, channels: int, maximum: int) -> Kind:
    def make(height: int, width: int) -> tuple[bytes, np.ndarray, None]:
        top = 65535 if maximum > 255 else 255
        samples = (smooth(height, width, channels, top).astype(np.int64) * maximum // top).astype(np.uint16)
        data = samples.astype(">u2" if maximum > 255 else np.uint8).tobytes()
        shown = np.rint(samples * (top / maximum)).astype(np.uint16 if maximum > 255 else np.uint8)
        return magic + b"\n%d %d\n%d\n" % (width, height, maximum) + data, shown, None

    return Kind(f"ppm-{what}", make, off=1 / 128 if maximum == 1000 else 0)


def bmp_with_alpha(height: int, width: int) -> tuple[bytes, np.ndarray, np.ndarray]:
    """With a BITMAPV4HEADER, whose masks say where alpha is."""
    pixels = smooth(height, width, 4)
    rows = pixels[::-1, :, [2, 1, 0, 3]].tobytes()
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    head = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, len(rows), 2835, 2835, 0, 0) + masks + bytes(52)
    return struct.pack("<2sIII", b"BM", 122 + len(rows), 0, 122) + head + rows, pixels[:, :, :3], pixels[:, :, 3]


def _kinds() -> Iterator[Kind]:
    for depth in (1, 2, 4, 8, 16):
        yield png_kind(depth, 0)
    for depth in (1, 2, 4, 8):
        yield palette_kind(depth)
        yield palette_kind(depth, transparent=True)
    for depth in (8, 16):
        for colour_type in (2, 4, 6):
            yield png_kind(depth, colour_type)
        yield png_kind(depth, 2, key=True)
        yield png_kind(depth, 2, interlaced=True)
    for depth in (1, 2, 4, 8, 16):
        yield png_kind(depth, 0, key=True)
    yield png_kind(16, 0, interlaced=True)
    yield png_kind(1, 0, interlaced=True)
    yield palette_kind(4, interlaced=True)
    best = {"quality": 100, "subsampling": 0}
    yield pillow_kind("jpeg-baseline", "JPEG", 3, 5, **best)
    yield pillow_kind("jpeg-420", "JPEG", 3, 6, quality=98, subsampling=2)
    yield pillow_kind("jpeg-progressive", "JPEG", 3, 5, **best, progressive=True)
    yield pillow_kind("jpeg-grey", "JPEG", 1, 2, quality=100)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    yield pillow_kind("jpeg-profile", "JPEG", 3, 5, **best, icc_profile=srgb)
    yield cmyk_kind("jpeg-cmyk", "JPEG", 4, quality=100, subsampling=0)
    yield Kind("jpeg-ycck", ycck, 6)
    yield Kind("jpeg-mpo", mpo, 5)
    for orientation in range(1, 9):
        yield turned_kind("JPEG", orientation, 5, **best)
    yield turned_kind("PNG", 6)
    yield turned_kind("WEBP", 8, lossless=True)
    yield pillow_kind("webp-lossless", "WEBP", 3, lossless=True)
    yield pillow_kind("webp-lossy", "WEBP", 3, 12, quality=100)
    yield pillow_kind("webp-alpha", "WEBP", 4, lossless=True, exact=True)
    yield pillow_kind("webp-lossy-alpha", "WEBP", 4, 12, quality=100, exact=True)
    yield from _tiffs()
    yield pillow_kind("bmp-24", "BMP", 3)
    yield pillow_kind("bmp-grey", "BMP", 1)
    yield of_mode("bmp-palette", "BMP", "P")
    yield of_mode("bmp-1", "BMP", "1")
    yield Kind("bmp-32", bmp_with_alpha)
    yield of_mode("gif-palette", "GIF", "P")
    yield of_mode("gif-transparent", "GIF", "P", transparency=3)
    yield netpbm("rgb-8", b"P6", 3, 255)
    yield netpbm("grey-8", b"P5", 1, 255)
    yield netpbm("grey-16", b"P5", 1, 65535)
    yield netpbm("rgb-16", b"P6", 3, 65535)
    yield netpbm("rgb-1000", b"P6", 3, 1000)
    yield netpbm("grey-1000", b"P5", 1, 1000)
    yield pillow_kind("jp2-rgb", "JPEG2000", 3)
    yield pillow_kind("jp2-grey", "JPEG2000", 1)
    yield pillow_kind("jp2-alpha", "JPEG2000", 4)
    yield pillow_kind("avif-rgb", "AVIF", 3, 6, quality=100, subsampling="4:4:4")
    yield pillow_kind("avif-alpha", "AVIF", 4, 6, quality=100, subsampling="4:4:4")


def _tiffs() -> Iterator[Kind]:
    for dtype, depth in ((np.uint8, 8), (np.uint16, 16)):
        for channels, what in ((1, "grey"), (3, "rgb"), (4, "rgba")):
            given = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
            yield tiff_kind(f"{what}-{depth}", channels, dtype, **given)
            yield tiff_kind(f"{what}-{depth}-big-endian", channels, dtype, byteorder=">", **given)
        yield tiff_kind(f"rgb-{depth}-deflate", 3, dtype, compression="zlib", predictor=True)
        yield tiff_kind(f"rgb-{depth}-tiled", 3, dtype, tile=(16, 16), compression="zlib")
        yield tiff_kind(f"grey-{depth}-tiled", 1, dtype, tile=(16, 16))
        yield tiff_kind(f"grey-{depth}-white-is-zero", 1, dtype, invert=True, photometric="miniswhite")
        yield tiff_kind(f"rgba-{depth}-premultiplied", 4, dtype, premultiplied=True, extrasamples=["assocalpha"])
        for orientation in (2, 3, 4, 5, 6, 7, 8):
            yield tiff_kind(
                f"rgb-{depth}-orientation-{orientation}", 3, dtype, extratags=[(274, 3, 1, orientation, True)]
            )
        yield tiff_kind(f"grey-{depth}-orientation-6", 1, dtype, extratags=[(274, 3, 1, 6, True)])
    yield tiff_kind("grey-alpha-8", 2, np.uint8, planarconfig="contig", extrasamples=["unassalpha"])
    yield tiff_kind("rgb-8-planar", 3, np.uint8, planarconfig="separate")
    yield tiff_kind("rgb-8-planar-deflate", 3, np.uint8, planarconfig="separate", compression="zlib")
    yield tiff_kind("rgb-8-bigtiff", 3, np.uint8, bigtiff=True)
    yield pillow_kind("tiff-rgb-8-lzw", "TIFF", 3, compression="tiff_lzw")
    yield pillow_kind("tiff-rgb-8-jpeg", "TIFF", 3, 6, compression="jpeg", quality=100)
    yield pillow_kind("tiff-rgb-8-packbits", "TIFF", 3, compression="packbits")
    yield of_mode("tiff-palette", "TIFF", "P")
    yield of_mode("tiff-bilevel", "TIFF", "1")
    yield of_mode("tiff-bilevel-fax", "TIFF", "1", compression="group4")
    yield cmyk_kind("tiff-cmyk", "TIFF", 1)
    yield deep_tiff_by_opencv("rgb-16-lzw", 5)
    yield deep_tiff_by_opencv("rgb-16-opencv", 1)


KINDS = {kind.name: kind for kind in _kinds()}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "photo_kind" in metafunc.fixturenames:
        metafunc.parametrize("photo_kind", KINDS.values(), ids=KINDS.keys())


@pytest.fixture(scope="session")
def kinds() -> dict[str, Kind]:
    return KINDS

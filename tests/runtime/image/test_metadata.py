"""What a photo's file says beside its pixels reaches the restoration, brought up to date, or is told to be lost."""

from __future__ import annotations

import io
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from slsc.errors import DataError
from slsc.runtime.image.avif_colours import code_points
from slsc.runtime.image.carrying import lost
from slsc.runtime.image.exif import renewed_xmp
from slsc.runtime.image.metadata import MAX_ICC, MAX_XMP, Metadata
from slsc.runtime.image.photo import Photo, load_photo, save_photo
from slsc.runtime.image.photo_writer import not_carried

CHUNKS = {
    b"cICP": bytes([9, 16, 0, 1]),
    b"gAMA": struct.pack(">I", 100000),
    b"cHRM": struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000),
    b"mDCV": bytes(range(24)),
    b"cLLI": bytes(range(8)),
}
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
THUMBNAIL = b"\xff\xd8 a small picture of somebody \xff\xd9"
XMP = (
    b'<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6" '
    b'exif:PixelXDimension="8" dc:title="Dune"><tiff:ImageLength>12</tiff:ImageLength>'
    b"<xmp:Thumbnails><rdf:Alt>aGVsbG8=</rdf:Alt></xmp:Thumbnails></rdf:Description></x:xmpmeta>"
)


def pixels(height: int = 12, width: int = 8, channels: int = 3, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(2).integers(0, np.iinfo(dtype).max + 1, (height, width, channels), dtype)


def exif(order: str = "<", orientation: int = 6) -> bytes:
    """Make, orientation, the sides, a maker's note that knows its own offset, and a thumbnail."""
    head, nested, notes, thumbs = 8, 8 + 2 + 3 * 12 + 4, 200, 150

    def directory(entries: list[tuple[int, int, int, bytes]], after: int) -> bytes:
        parts = [
            struct.pack(f"{order}HHI", tag, kind, count) + value.ljust(4, b"\0") for tag, kind, count, value in entries
        ]
        return struct.pack(f"{order}H", len(parts)) + b"".join(parts) + struct.pack(f"{order}I", after)

    def long(value: int) -> bytes:
        return struct.pack(f"{order}I", value)

    short = struct.pack(f"{order}H", orientation)
    data = bytearray(260)
    data[:8] = (b"II*\0" if order == "<" else b"MM\0*") + long(head)
    first = directory([(0x10F, 2, 4, b"Zed\0"), (0x112, 3, 1, short), (0x8769, 4, 1, long(nested))], thumbs)
    data[head : head + len(first)] = first
    sides = [(0x927C, 7, 8, long(notes)), (0xA002, 3, 1, struct.pack(f"{order}H", 8)), (0xA003, 4, 1, long(12))]
    inner = directory(sides, 0)
    data[nested : nested + len(inner)] = inner
    small = directory([(513, 4, 1, long(260)), (514, 4, 1, long(len(THUMBNAIL)))], 0)
    data[thumbs : thumbs + len(small)] = small
    data[notes : notes + 8] = b"note" + long(notes)
    return bytes(data) + THUMBNAIL


def png(extra: dict[bytes, bytes], late: dict[bytes, bytes] | None = None) -> bytes:
    """A PNG of `pixels` with chunks before its pixels, and after them."""

    def packed(chunks: dict[bytes, bytes]) -> bytes:
        return b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks.items()
        )

    file = io.BytesIO()
    Image.fromarray(pixels()).save(file, "PNG")
    data = file.getvalue()
    behind = data.index(b"IEND") - 4
    return data[:33] + packed(extra) + data[33:behind] + packed(late or {}) + data[behind:]


def chunks_of(path: Path) -> dict[bytes, bytes]:
    data, at, found = path.read_bytes(), 8, {}
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        found[kind] = data[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", data, at + 8 + size)[0] == zlib.crc32(kind + found[kind])
        at += 12 + size
    return found


def restored(photo: Photo) -> Photo:
    """Twice as large."""
    return Photo(photo.pixels.repeat(2, 0).repeat(2, 1), None, photo.metadata)


def test_how_colours_are_meant_goes_from_png_to_png(tmp_path: Path) -> None:
    given = {**CHUNKS, b"pHYs": struct.pack(">IIB", 3000, 5000, 1)}
    (tmp_path / "a.png").write_bytes(png(given))
    save_photo(restored(load_photo(tmp_path / "a.png")), tmp_path / "b.png")
    found = chunks_of(tmp_path / "b.png")
    assert {kind: found.get(kind) for kind in given} == given
    assert list(found)[-2:] == [b"IDAT", b"IEND"], "all before the pixels"


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".tiff", ".bmp"])
def test_what_shows_colours_otherwise_than_meant_is_told(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "a.png").write_bytes(png(CHUNKS))
    metadata = load_photo(tmp_path / "a.png").metadata
    (told,) = not_carried(metadata, tmp_path / f"b{suffix}")
    assert "cannot carry cICP, mDCV, cLLI" in told and "name the output .png" in told
    assert not_carried(metadata, tmp_path / "b.png") == []


@pytest.mark.parametrize(("meant", "carried"), [((12, 16), bytes([12, 16, 0, 1])), ((1, 13), None), ((2, 2), None)])
def test_code_points_of_avif_are_carried(tmp_path: Path, meant: tuple[int, int], carried: bytes | None) -> None:
    path = tmp_path / "a.avif"
    Image.fromarray(pixels(32, 32)).save(path)
    data = path.read_bytes()
    at = data.index(b"colrnclx") + 8
    path.write_bytes(data[:at] + struct.pack(">HH", *meant) + data[at + 4 :])
    save_photo(load_photo(path), tmp_path / "b.png")
    assert chunks_of(tmp_path / "b.png").get(b"cICP") == carried
    for cut in (at, at - 20, 40):
        path.write_bytes(data[:cut])
        assert code_points(path) is None


def test_what_says_no_more_than_srgb_is_not_worth_a_word() -> None:
    usual = {b"sRGB": b"\0", b"gAMA": struct.pack(">I", 45455)}
    assert lost(Metadata(chunks=usual), "JPEG") == []
    assert lost(Metadata(chunks={b"gAMA": struct.pack(">I", 45455)}), "JPEG") == []
    assert lost(Metadata(chunks={b"cICP": bytes([1, 13, 0, 1])}), "JPEG") == []
    assert lost(Metadata(icc=PROFILE, chunks={b"gAMA": CHUNKS[b"gAMA"]}), "JPEG") == []
    assert "gAMA" in lost(Metadata(chunks={b"gAMA": CHUNKS[b"gAMA"]}), "JPEG")[0]
    assert "ICC" in lost(Metadata(icc=PROFILE), "BMP")[0]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("source", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("target", [".jpg", ".png", ".webp", ".tiff"])
def test_exif_and_xmp_and_profile_are_carried_up_to_date(tmp_path: Path, source: str, target: str, order: str) -> None:
    given, path = tmp_path / f"a{source}", tmp_path / f"b{target}"
    if source == ".png":
        given.write_bytes(png({b"eXIf": exif(order), b"iTXt": b"XML:com.adobe.xmp\0\0\0\0\0" + XMP}))
    else:
        Image.fromarray(pixels()).save(given, exif=b"Exif\0\0" + exif(order), xmp=XMP, icc_profile=PROFILE)
    photo = load_photo(given)
    assert photo.pixels.shape == (8, 12, 3), "turned upright"
    save_photo(restored(photo), path)
    with Image.open(path) as image:
        assert image.size == (24, 16)
        found = image.getexif()
        assert (found[0x10F], found.get(0x112, 1)) == ("Zed", 1)
        details = found.get_ifd(ExifTags.IFD.Exif)
        assert (details[0xA002], details[0xA003]) == (24, 16)
        assert not found.get_ifd(ExifTags.IFD.IFD1)
        xmp = image.info.get("xmp", image.info.get("XML:com.adobe.xmp"))
        xmp = xmp.encode() if isinstance(xmp, str) else xmp
        assert b'Orientation="1"' in xmp and b'title="Dune"' in xmp
        assert b'PixelXDimension="24"' in xmp and b"<tiff:ImageLength>16<" in xmp and b"Thumbnails" not in xmp
        assert image.info.get("icc_profile") == (None if source == ".png" else PROFILE)
    data = path.read_bytes()
    assert THUMBNAIL not in data and b"somebody" not in data
    if target != ".tiff":
        note = details[0x927C]
        offset = struct.unpack(f"{order}4xI", note)[0]
        assert note == data[data.index(b"II*\0" if order == "<" else b"MM\0*") + offset :][:8], "offsets stay right"


def test_exif_behind_the_pixels_of_a_png_counts(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png({}, late={b"eXIf": exif()}))
    photo = load_photo(tmp_path / "a.png")
    assert photo.pixels.shape == (8, 12, 3)
    assert photo.metadata.exif == exif()


@pytest.mark.parametrize(("given", "size"), [({}, (12, 8)), ({b"eXIf": exif(orientation=9)}, (12, 8))])
def test_an_orientation_in_xmp_counts_where_exif_has_none(tmp_path: Path, given: dict, size: tuple[int, int]) -> None:
    (tmp_path / "a.png").write_bytes(png({**given, b"iTXt": b"XML:com.adobe.xmp\0\0\0\0\0" + XMP}))
    turned = size if given else size[::-1]
    assert load_photo(tmp_path / "a.png").pixels.shape[:2] == turned


def test_exif_of_a_tiff_is_carried_without_its_layout(tmp_path: Path) -> None:
    tags = Image.Exif()
    tags[0x10F], tags[0x112] = "Zed", 3
    tags.get_ifd(0x8769).update({0xA002: 8, 0x829D: 2.8})
    Image.fromarray(pixels()).save(tmp_path / "a.tif", exif=tags.tobytes(), dpi=(300, 200))
    photo = load_photo(tmp_path / "a.tif")
    assert np.array_equal(photo.pixels, pixels()[::-1, ::-1])
    for name in ("b.jpg", "b.png", "b.tiff"):
        save_photo(restored(photo), tmp_path / name)
        with Image.open(tmp_path / name) as image:
            found = image.getexif()
            assert (found[0x10F], found.get(0x112, 1)) == ("Zed", 1)
            details = found.get_ifd(ExifTags.IFD.Exif)
            assert (details[0xA002], float(details[0x829D])) == (16, 2.8)
            assert (273 in found) == name.endswith("tiff")
            assert [round(float(side)) for side in image.info["dpi"]] == [300, 200]


def test_density_turns_with_the_pixels(tmp_path: Path) -> None:
    Image.fromarray(pixels()).save(tmp_path / "a.jpg", exif=b"Exif\0\0" + exif(), dpi=(300, 150))
    save_photo(load_photo(tmp_path / "a.jpg"), tmp_path / "b.png")
    across, down, unit = struct.unpack(">IIB", chunks_of(tmp_path / "b.png")[b"pHYs"])
    assert (round(across * 0.0254), round(down * 0.0254), unit) == (150, 300, 1)


def test_stripped_keeps_what_colours_need(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png({**CHUNKS, b"eXIf": exif(), b"iTXt": b"XML:com.adobe.xmp\0\0\0\0\0" + XMP}))
    photo = load_photo(tmp_path / "a.png")
    save_photo(Photo(photo.pixels, None, photo.metadata.stripped()), tmp_path / "b.png")
    found = chunks_of(tmp_path / "b.png")
    assert {kind: found[kind] for kind in CHUNKS} == CHUNKS
    assert b"eXIf" not in found and b"iTXt" not in found
    assert load_photo(tmp_path / "b.png").pixels.shape == (8, 12, 3)


def test_what_is_too_large_is_left_out_and_named(tmp_path: Path) -> None:
    image = Image.fromarray(pixels())
    image.save(tmp_path / "a.webp", xmp=bytes(MAX_XMP + 1), icc_profile=PROFILE + bytes(MAX_ICC))
    metadata = load_photo(tmp_path / "a.webp").metadata
    assert metadata.xmp is None and metadata.icc is None
    told = not_carried(metadata, tmp_path / "b.png")
    assert "an ICC profile of" in told[0] and "XMP of 1,048,577 bytes" in told[1]
    long = Metadata(exif=exif() + bytes(70_000), xmp=XMP + bytes(70_000))
    assert lost(long, "JPEG") == ["EXIF", "XMP"] and lost(long, "WEBP") == []
    save_photo(Photo(pixels(), None, long), tmp_path / "b.jpg")
    with Image.open(tmp_path / "b.jpg") as written:
        assert "exif" not in written.info and "xmp" not in written.info


def test_tags_that_never_end_take_no_time() -> None:
    packet = b"<a:Thumbnails " * 70_000
    assert renewed_xmp(packet, (3, 4)) == packet
    assert renewed_xmp(b"a<b:Thumbnails/>c" * 2 + b"</b:Thumbnails>d", (3, 4)) == b"ad"


def test_values_that_overlap_to_fill_memory_are_not_unpacked(tmp_path: Path) -> None:
    entries = b"".join(struct.pack("<HHII", 1000 + index, 7, 60_000, 8) for index in range(5000))
    bomb = b"II*\0" + struct.pack("<IH", 8, 5000) + entries + bytes(4)
    assert lost(Metadata(exif=bomb), "TIFF") == ["EXIF that is damaged"]
    save_photo(Photo(pixels(), None, Metadata(exif=bomb)), tmp_path / "b.tiff")
    assert np.array_equal(load_photo(tmp_path / "b.tiff").pixels, pixels())


def spoilt(data: bytes, rng: random.Random) -> bytes:
    """With some bytes changed, and at times cut short."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 12)):
        changed[rng.randrange(len(data))] = rng.choice((0, 255, rng.randrange(256)))
    return bytes(changed[: rng.choice((len(data), len(data), rng.randrange(len(data))))])


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_damaged_metadata_ends_in_a_photo_or_an_error_of_ours(tmp_path: Path, suffix: str, capfd) -> None:
    path, rng, fine = tmp_path / f"a{suffix}", random.Random(7), 0
    given = {} if suffix == ".tif" else {"exif": b"Exif\0\0" + exif(), "xmp": XMP, "icc_profile": PROFILE}
    Image.fromarray(pixels()).save(path, **given)
    whole = path.read_bytes()
    for _ in range(25):
        if suffix == ".png":  # whose checksums would give damage away
            kinds = {**CHUNKS, b"eXIf": exif(), b"iTXt": b"XML:com.adobe.xmp\0\0\0\0\0" + XMP, b"pHYs": bytes(9)}
            path.write_bytes(png({kind: spoilt(data, rng) for kind, data in kinds.items()}))
        else:
            path.write_bytes(spoilt(whole, rng))
        try:
            photo = load_photo(path)
        except DataError:
            continue
        fine += 1
        for name in ("b.png", "b.jpg", "b.tiff", "b.webp"):
            if photo.alpha is None and photo.pixels.dtype == np.uint8:
                save_photo(photo, tmp_path / name)
    assert fine
    assert capfd.readouterr() == ("", "")

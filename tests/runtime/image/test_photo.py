from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from slsc.errors import DataError
from slsc.runtime.image.folders import list_photos
from slsc.runtime.image.metadata import Metadata
from slsc.runtime.image.photo import EXTENSIONS, Photo, decoding_bytes, load_photo, save_photo


def noise(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(3).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tiff", ".webp"])
def test_rgb(tmp_path: Path, suffix: str) -> None:
    pixels = noise(7, 5, 3)
    Image.fromarray(pixels).save(tmp_path / f"a{suffix}", lossless=True)
    photo = load_photo(tmp_path / f"a{suffix}")
    assert photo.alpha is None
    assert np.array_equal(photo.pixels, pixels)


@pytest.mark.parametrize("shape", [(1, 1), (7, 5)])
def test_grey_stays_one_channel(tmp_path: Path, shape: tuple[int, int]) -> None:
    pixels = noise(*shape)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert np.array_equal(load_photo(tmp_path / "a.png").pixels, pixels[:, :, None])


def test_bilevel(tmp_path: Path) -> None:
    Image.fromarray(noise(6, 6) > 127).save(tmp_path / "a.png")
    photo = load_photo(tmp_path / "a.png")
    assert photo.pixels.shape == (6, 6, 1)
    assert set(np.unique(photo.pixels)) == {0, 255}


@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_is_apart(tmp_path: Path, channels: int) -> None:
    pixels = noise(7, 5, channels)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    photo = load_photo(tmp_path / "a.png")
    assert np.array_equal(photo.pixels, pixels[:, :, :-1])
    assert np.array_equal(photo.alpha, pixels[:, :, -1])


def test_palette_with_and_without_transparency(tmp_path: Path) -> None:
    image = Image.fromarray(noise(9, 9, 3)).quantize(16)
    image.save(tmp_path / "a.png")
    plain = load_photo(tmp_path / "a.png")
    assert plain.alpha is None
    assert np.array_equal(plain.pixels, np.asarray(image.convert("RGB")))
    image.save(tmp_path / "b.png", transparency=3)
    clear = load_photo(tmp_path / "b.png")
    assert np.array_equal(clear.alpha == 0, np.asarray(image) == 3)


def test_colour_key_transparency(tmp_path: Path) -> None:
    pixels = noise(5, 5, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png", transparency=tuple(int(v) for v in pixels[2, 3]))
    photo = load_photo(tmp_path / "a.png")
    assert photo.alpha[2, 3] == 0
    assert (photo.alpha == 0).sum() == 1


def test_cmyk(tmp_path: Path) -> None:
    image = Image.fromarray(np.full((8, 8, 3), (200, 100, 50), np.uint8)).convert("CMYK")
    image.save(tmp_path / "a.jpg", quality=100)
    photo = load_photo(tmp_path / "a.jpg")
    assert np.abs(photo.pixels.astype(int) - (200, 100, 50)).max() <= 3


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_survive(tmp_path: Path, channels: int, suffix: str) -> None:
    pixels = noise(7, 5, channels, dtype=np.uint16)
    order = [2, 1, 0, 3][:channels] if channels > 1 else [0]
    cv2.imwrite(str(tmp_path / f"a{suffix}"), pixels[:, :, order])
    photo = load_photo(tmp_path / f"a{suffix}")
    assert photo.pixels.dtype == np.uint16
    assert np.array_equal(photo.pixels, pixels[:, :, :3])
    assert photo.alpha is None if channels < 4 else np.array_equal(photo.alpha, pixels[:, :, 3])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_exif_orientation(tmp_path: Path, orientation: int, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a{suffix}"
    Image.fromarray(noise(16, 8, 3)).save(path, exif=exif)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    assert np.array_equal(load_photo(path).pixels, expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_saved_png_loads_equal(tmp_path: Path, channels: int, dtype: type) -> None:
    pixels = noise(11, 6, channels, dtype=dtype)
    colour = 3 if channels > 2 else 1
    photo = Photo(pixels[:, :, :colour], pixels[:, :, -1] if channels in (2, 4) else None, Metadata(icc=b"profile"))
    save_photo(photo, tmp_path / "a.png")
    again = load_photo(tmp_path / "a.png")
    assert again.metadata.icc == b"profile"
    assert again.pixels.dtype == dtype
    assert np.array_equal(again.pixels, photo.pixels)
    assert (again.alpha is None) == (photo.alpha is None)
    assert photo.alpha is None or np.array_equal(again.alpha, photo.alpha)


def test_saved_jpeg_is_close(tmp_path: Path) -> None:
    pixels = np.full((16, 16, 3), (180, 90, 40), np.uint8)
    save_photo(Photo(pixels), tmp_path / "a.jpg")
    assert np.abs(load_photo(tmp_path / "a.jpg").pixels.astype(int) - pixels).max() <= 3


@pytest.mark.parametrize(
    ("photo", "name", "why"),
    [
        (Photo(np.zeros((4, 4, 3), np.uint16)), "a.jpg", "16 bits"),
        (Photo(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8)), "a.jpg", "transparent"),
        (Photo(np.zeros((1, 70000, 1), np.uint8)), "a.jpg", "at most 65535"),
        (Photo(np.zeros((4, 4, 3), np.uint8)), "a.xyz", "format"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(tmp_path: Path, photo: Photo, name: str, why: str) -> None:
    with pytest.raises(DataError, match=why):
        save_photo(photo, tmp_path / name)
    assert not list(tmp_path.iterdir())


def damaged(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.png"
    Image.fromarray(noise(64, 64, 3)).save(path)
    data = path.read_bytes()
    path.write_bytes({"empty": b"", "text": b"hello", "truncated": data[: len(data) // 2]}.get(kind, data))
    if kind == "folder":
        path.unlink()
        path.mkdir()
    if kind == "missing":
        path.unlink()
    if kind == "pipe":
        path.unlink()
        os.mkfifo(path)
    if kind == "animated":
        Image.new("L", (4, 4)).save(path, save_all=True, append_images=[Image.new("L", (4, 4), 9)])
    if kind == "float":
        path = path.with_suffix(".tiff")
        Image.fromarray(np.zeros((4, 4), np.float32)).save(path)
    return path


@pytest.mark.parametrize("kind", ["empty", "text", "truncated", "folder", "pipe", "missing", "animated", "float"])
def test_unreadable_names_the_file_and_the_cause(tmp_path: Path, kind: str) -> None:
    path = damaged(tmp_path, kind)
    with pytest.raises(DataError) as caught:
        load_photo(path)
    assert caught.value.where == str(path)
    assert caught.value.why


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\nshowpage\n"


@pytest.mark.parametrize("name", ["a.eps", "a.png", "a.jpg"])
def test_content_for_another_program_is_not_even_looked_at(tmp_path: Path, monkeypatch, name: str) -> None:
    started = []
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *given, **options: started.append(given))
    (tmp_path / name).write_bytes(EPS)
    with pytest.raises(DataError, match=r"not an image of a known format; slsc reads PNG, .*TIFF"):
        load_photo(tmp_path / name)
    assert not started


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_every_extension_has_its_format(tmp_path: Path, extension: str) -> None:
    grey = extension == ".pgm"
    Image.new("L" if grey else "RGB", (6, 4), 128).save(tmp_path / f"a{extension}")
    assert load_photo(tmp_path / f"a{extension}").pixels.shape == (4, 6, 1 if grey else 3)


def test_formats_go_by_content(tmp_path: Path) -> None:
    pixels = noise(7, 5, 3)
    Image.fromarray(pixels).save(tmp_path / "a.jpg", format="PNG")
    assert np.array_equal(load_photo(tmp_path / "a.jpg").pixels, pixels)


def test_the_photo_of_a_jpeg_with_previews(tmp_path: Path) -> None:
    photo, preview = Image.new("RGB", (8, 6), "red"), Image.new("RGB", (4, 3), "blue")
    photo.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[preview])
    assert load_photo(tmp_path / "a.jpg").pixels.shape == (6, 8, 3)


def test_a_tiff_whose_second_frame_has_no_size(tmp_path: Path) -> None:
    frame = Image.new("RGB", (6, 4))
    frame.save(tmp_path / "a.tif", save_all=True, append_images=[frame])
    before, width, after = (tmp_path / "a.tif").read_bytes().rpartition(b"\x00\x01\x04\x00")  # tag 256 as a long
    assert width
    (tmp_path / "a.tif").write_bytes(before + b"\xff\xee\x04\x00" + after)
    with pytest.raises(DataError, match="Missing dimensions"):
        load_photo(tmp_path / "a.tif")


def test_hostile_files_of_the_pack(cases_dir: Path) -> None:
    for name in ("eps_named.png", "tiff_missing_dimensions.tif"):
        with pytest.raises(DataError):
            load_photo(cases_dir / "hostile" / name)


def test_bomb_is_refused(tmp_path: Path) -> None:
    Image.new("1", (20000, 20000)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="400,000,000 pixels exceed the limit"):
        load_photo(tmp_path / "a.png")


def test_memory_for_decoding_decides_what_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("1", (20000, 20000)).save(path)
    needed = decoding_bytes(path)
    assert 2 * 400_000_000 <= needed < 2.1 * 400_000_000
    with pytest.raises(DataError, match=f"takes {needed:,} bytes, {needed - 1:,} are allowed"):
        load_photo(path, most=needed - 1)
    with pytest.raises(DataError):
        decoding_bytes(tmp_path / "none.png")


def test_folder_listing(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.jpg", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "sub.png").mkdir()
    assert [path.name for path in list_photos(tmp_path)] == ["a.jpg", "b.PNG"]


def test_folder_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no photo"):
        list_photos(tmp_path)
    with pytest.raises(DataError, match="cannot read"):
        list_photos(tmp_path / "none")


def test_a_gif_of_absurd_size(tmp_path: Path) -> None:
    path = tmp_path / "large.gif"
    Image.new("P", (8, 8)).save(path)
    content = bytearray(path.read_bytes())
    frame = content.index(b",\0\0\0\0\x08\0\x08\0")
    content[frame + 5 : frame + 9] = b"\xff" * 4
    path.write_bytes(content)
    for read in (load_photo, decoding_bytes):
        with pytest.raises(DataError, match=r"cannot use the image.*4294836225"):
            read(path)

"""Every kind of photo file gives the pixels that were put into it, through a session to the pixels written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from slsc.errors import DataError
from slsc.runtime.image.photo import load_photo
from slsc.runtime.session import Session

HEIGHT, WIDTH = 37, 43


def require_same(found: np.ndarray, wanted: np.ndarray, off: float) -> None:
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
    level = 257 if wanted.dtype == np.uint16 else 1
    assert np.abs(found.astype(int) - wanted).max(initial=0) <= off * level


@pytest.fixture(scope="module")
def identity(tiny: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A bundle whose network gives back what it is shown."""
    manifest, path = tiny.manifest(scale=1, halo=0), tmp_path_factory.mktemp("identity") / "net.slsb"
    with Session(
        tiny.bundle(path, manifest, {manifest.engines[0].onnx: tiny.identity_network()}), threads=1
    ) as session:
        yield session


def test_pixels(photo_kind: Any, identity: Session, tmp_path: Path) -> None:
    data, pixels, alpha = photo_kind.make(HEIGHT, WIDTH)
    path = tmp_path / f"photo{photo_kind.suffix}"
    path.write_bytes(data)
    photo = load_photo(path)
    require_same(photo.pixels, pixels, photo_kind.off)
    assert (photo.alpha is None) == (alpha is None)
    if alpha is not None:
        require_same(photo.alpha, alpha, photo_kind.off)
    assert photo.pixels.flags.c_contiguous
    restored = load_photo(identity.restore_file(path, tmp_path / "restored.png"))
    shown = slice(None) if alpha is None else photo.alpha > 0  # colours bleed into what is not
    require_same(restored.pixels[shown], photo.pixels[shown], 0)
    assert alpha is None or np.array_equal(restored.alpha, photo.alpha)


REFUSED = {
    "float": ({"dtype": "float32"}, "no stated range"),
    "signed": ({"dtype": "int16"}, "signed pixels"),
    "32-bit": ({"dtype": "uint32"}, "32-bit pixels"),
    "planar-16": ({"dtype": "uint16", "channels": 3, "planarconfig": "separate"}, "16-bit channels lie apart"),
    "planar-16-deflate": (
        {"dtype": "uint16", "channels": 3, "planarconfig": "separate", "compression": "zlib"},
        "16-bit channels lie apart",
    ),
    "grey-alpha-apart": ({"dtype": "uint8", "channels": 2, "planarconfig": "separate", "compression": "zlib"}, "apart"),
    "grey-alpha-16": ({"dtype": "uint16", "channels": 2, "planarconfig": "separate", "compression": "zlib"}, "apart"),
    "cmyk-16": ({"dtype": "uint16", "channels": 4, "photometric": "separated"}, "not RGB"),
    "lab": ({"dtype": "uint8", "channels": 3, "photometric": "cielab"}, "CIE Lab"),
    "pages": ({"dtype": "uint8", "pages": 2}, "2 frames"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_decoders_would_get_wrong_is_refused(name: str, tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    given, why = REFUSED[name]
    options = {key: value for key, value in given.items() if key not in ("dtype", "channels", "pages")}
    channels = given.get("channels", 1)
    shape = (16, 20) if channels == 1 else (channels, 16, 20) if "planarconfig" in given else (16, 20, channels)
    values = np.arange(np.prod(shape)).reshape(shape).astype(given["dtype"])
    options.setdefault("photometric", "rgb" if channels > 2 else "minisblack")
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for _ in range(given.get("pages", 1)):
            file.write(values, metadata=None, **options)
    with pytest.raises(DataError, match=why):
        load_photo(tmp_path / "a.tif")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_tiff_is_written_as_others_read_it(channels: int, dtype: type, tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    from slsc.runtime.image.photo import Photo, save_photo

    pixels = np.random.default_rng(channels).integers(0, np.iinfo(dtype).max + 1, (300, 1000, channels), dtype)
    colours = channels - (channels in (2, 4))
    save_photo(Photo(pixels[:, :, :colours], pixels[:, :, -1] if channels > colours else None), tmp_path / "a.tiff")
    if channels == 2 and dtype is np.uint16:  # which neither Pillow nor OpenCV reads
        pixels, colours = pixels[:, :, [0, 0, 0, 1]], 3
    assert np.array_equal(tifffile.imread(tmp_path / "a.tiff").reshape(pixels.shape), pixels)
    photo = load_photo(tmp_path / "a.tiff")
    require_same(photo.pixels, pixels[:, :, :colours], 0)
    assert channels == colours or np.array_equal(photo.alpha, pixels[:, :, -1])


@pytest.mark.parametrize(("dtype", "lost"), [(np.uint8, ()), (np.uint16, ("what its 16 bits a sample hold beyond 8",))])
def test_bits_that_are_lost_are_told(dtype: type, lost: tuple[str, ...], tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, (32, 40, 3), dtype)
    try:
        written = cv2.imwrite(str(tmp_path / "a.jp2"), pixels)
    except cv2.error:
        written = False
    if not written:
        pytest.skip("OpenCV was built without JPEG 2000")
    assert load_photo(tmp_path / "a.jp2").metadata.left_out == lost

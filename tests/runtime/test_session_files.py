"""Photo files through a session: formats, memory, and what is left where it cannot be done."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from slsc.errors import DataError, ResourceError, UsageError
from slsc.runtime import Session
from slsc.runtime.image.photo import load_photo
from slsc.runtime.memory import resident_bytes
from slsc.tools.bench_memory import measure

MakeBundle = Callable[..., Path]
TILE = 8


def noise(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(11).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tiff"])
def test_files(make_bundle: MakeBundle, tmp_path: Path, suffix: str) -> None:
    session = Session(make_bundle(), tile=TILE)
    image = np.asarray(Image.fromarray(noise(4, 5, 3)).resize((50, 40), Image.Resampling.BICUBIC))
    Image.fromarray(image).save(tmp_path / "in.png")
    target = session.restore_file(tmp_path / "in.png", tmp_path / f"out{suffix}")
    difference = np.abs(load_photo(target).pixels.astype(int) - session.restore(image))
    assert difference.mean() <= {".jpg": 4, ".webp": 15}.get(suffix, 0)


def test_sixteen_bit_file_with_alpha(make_bundle: MakeBundle, tmp_path: Path) -> None:
    import cv2

    image = noise(20, 24, 4, dtype=np.uint16)
    cv2.imwrite(str(tmp_path / "in.png"), image[:, :, [2, 1, 0, 3]])
    session = Session(make_bundle(), tile=TILE)
    photo = load_photo(session.restore_file(tmp_path / "in.png", tmp_path / "out.png"))
    assert photo.pixels.dtype == np.uint16
    assert np.array_equal(np.dstack([photo.pixels, photo.alpha]), session.restore(image))
    with pytest.raises(DataError, match="16 bits"):
        session.restore_file(tmp_path / "in.png", tmp_path / "out.jpg")
    assert not (tmp_path / "out.jpg").exists()


def test_an_8k_output_stays_within_the_memory_asked_for(
    make_bundle: MakeBundle, tiny: SimpleNamespace, tmp_path: Path
) -> None:
    manifest = tiny.manifest(scale=4, halo=2, bytes_per_pixel=800.0)
    bundle = make_bundle(tiny.sr_network(scale=4, width=8, layers=1), manifest)
    Image.fromarray(noise(108, 192, 3)).resize((1920, 1080)).save(tmp_path / "in.png")
    words = ["run", str(bundle), str(tmp_path / "in.png"), "-o", str(tmp_path / "out.png"), "--threads", "1"]
    _, peak = measure([sys.executable, "-m", "slsc", *words, "--memory", "160MiB"])
    assert peak <= 160 << 20
    with Image.open(tmp_path / "out.png") as image:
        assert image.size == (7680, 4320)


def test_a_photo_too_large_to_decode_is_refused_before_it_is(make_bundle: MakeBundle, tmp_path: Path) -> None:
    Image.new("L", (12000, 8000)).save(tmp_path / "in.png")
    before = resident_bytes()
    session = Session(make_bundle(), memory=before + (100 << 20))
    with pytest.raises(ResourceError, match="decoding the photo does not fit"):
        session.restore_file(tmp_path / "in.png", tmp_path / "out.png")
    assert resident_bytes() - before < 60 << 20


def test_the_source_is_never_replaced(make_bundle: MakeBundle, tmp_path: Path) -> None:
    path = tmp_path / "in.png"
    Image.fromarray(noise(8, 8, 3)).save(path)
    (tmp_path / "link.png").symlink_to(path)
    before = path.read_bytes()
    for target in (path, tmp_path / "link.png"):
        with pytest.raises(UsageError, match="replace its own source"):
            Session(make_bundle()).restore_file(path, target)
    assert path.read_bytes() == before


def test_a_failure_leaves_no_output(make_bundle: MakeBundle, tmp_path: Path) -> None:
    Image.fromarray(noise(40, 40, 3)).save(tmp_path / "in.png")
    session = Session(make_bundle(), tile=TILE)

    def interrupt(done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.restore_file(tmp_path / "in.png", tmp_path / "out.png", interrupt)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.png", "net.slsb"]
    session.restore_file(tmp_path / "in.png", tmp_path / "out.png")


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".jpg", ".webp", ".tiff"])
def test_a_full_disk_leaves_no_output(make_bundle: MakeBundle, tmp_path: Path, suffix: str) -> None:
    resource = pytest.importorskip("resource")
    Image.fromarray(noise(60, 60, 3)).save(tmp_path / "in.png")
    session = Session(make_bundle(), tile=TILE)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    try:
        with pytest.raises(ResourceError, match="no space left"):
            session.restore_file(tmp_path / "in.png", tmp_path / f"out{suffix}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.png", "net.slsb"]

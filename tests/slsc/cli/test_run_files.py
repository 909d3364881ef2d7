"""`slsc run` on folders and streams: which files come of which photos, and what is told of the others."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from slsc.runtime.image.photo import load_photo
from slsc.runtime.memory import resident_bytes

Cli = Callable[..., object]


def photo(path: Path, *, seed: int = 1, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), np.uint8)
    Image.fromarray(pixels).save(path, **options)
    return path


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_sub_folders_are_mirrored(slsc: Cli, bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for name in ("a.png", "deep/er/b.png", "deep/a.jpg", ".hidden/c.png", "deep/._b.png"):
        photo(folder / name)
    words = ("run", bundle, folder, "--format", "webp", "--suffix", "_x2")
    assert slsc(*words, "-o", tmp_path / "flat").code == 0
    assert files(tmp_path / "flat") == ["a_x2.webp"]
    outcome = slsc(*words, "-o", tmp_path / "out", "--recursive")
    assert outcome.code == 0 and "3 restored" in outcome.err
    assert files(tmp_path / "out") == ["a_x2.webp", "deep/a_x2.webp", "deep/er/b_x2.webp"]
    assert load_photo(tmp_path / "out" / "deep" / "a_x2.webp").pixels.shape == (14, 18, 3)


def test_an_output_folder_inside_the_source_is_no_source(slsc: Cli, bundle: Path, tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.png")
    for _ in range(2):
        assert slsc("run", bundle, tmp_path / "in", "-o", tmp_path / "in" / "out", "--recursive").code == 0
    assert files(tmp_path / "in") == ["a.png", "out/a.png"]


def test_what_is_there_is_skipped(slsc: Cli, bundle: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    for name in ("a.png", "b.png"):
        photo(folder / name)
    out.mkdir()
    (out / "a.png").write_bytes(b"mine")
    outcome = slsc("run", bundle, folder, "-o", out, "--skip-existing", "--json")
    told = json.loads(outcome.out)
    assert [(image["status"], Path(image["output"]).name) for image in told["images"]] == [
        ("skipped", "a.png"), ("restored", "b.png")
    ]  # fmt: skip
    assert told["artefacts"] == [str(out / "b.png")]
    assert (out / "a.png").read_bytes() == b"mine"
    assert slsc("run", bundle, folder / "a.png", "-o", out / "a.png", "--skip-existing").code == 0
    assert (out / "a.png").read_bytes() == b"mine"


@pytest.mark.parametrize("names", [("a.jpg", "a.png"), ("A.png", "a.png"), ("Ä.png", "Ä.jpg")])
def test_two_photos_of_one_output_are_left_out_and_the_rest_is_restored(
    slsc: Cli, bundle: Path, tmp_path: Path, names: tuple[str, str]
) -> None:
    for name in (*names, "rest.png"):
        photo(tmp_path / "in" / name)
    outcome = slsc("run", bundle, tmp_path / "in", "-o", tmp_path / "out", "--format", "png", "--json")
    assert outcome.code == 2
    told = json.loads(outcome.out)
    assert sorted(image["status"] for image in told["images"]) == ["left out", "left out", "restored"]
    assert all("would both become" in image["error"]["why"] for image in told["images"] if "error" in image)
    assert "2 of 3 photos could not be restored" in outcome.err
    assert files(tmp_path / "out") == ["rest.png"]


def test_no_photo_of_a_folder_is_replaced(slsc: Cli, bundle: Path, tmp_path: Path) -> None:
    before = {name: photo(tmp_path / name, seed=seed).read_bytes() for seed, name in enumerate(("a.png", "a_x2.png"))}
    outcome = slsc("run", bundle, tmp_path, "-o", tmp_path, "--suffix", "_x2")
    assert outcome.code == 2 and "its output would replace" in outcome.err
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    assert files(tmp_path) == ["a.png", "a_x2.png", "a_x2_x2.png"]


def test_names_that_are_too_long_are_told_before_the_work(slsc: Cli, bundle: Path, tmp_path: Path) -> None:
    for name in ("x" * 250 + ".png", "y" * 251 + ".png"):
        photo(tmp_path / "in" / name)
    outcome = slsc("run", bundle, tmp_path / "in", "-o", tmp_path / "out", "--suffix", "_")
    assert outcome.code == 2 and "name of 256 bytes is too long, the file system takes 255" in outcome.err
    assert files(tmp_path / "out") == ["x" * 250 + "_.png"]
    outcome = slsc("run", bundle, tmp_path / "in" / ("x" * 250 + ".png"), "-o", tmp_path / ("z" * 252 + ".png"))
    assert outcome.code == 2 and "too long" in outcome.err and outcome.err.count("\n") == 1


def test_a_photo_that_does_not_fit_does_not_end_the_work(slsc: Cli, bundle: Path, tmp_path: Path) -> None:
    photo(tmp_path / "in" / "b.png")
    Image.new("1", (12_000, 14_000)).save(tmp_path / "in" / "a.png")  # 320 MiB as greys, twice
    memory = resident_bytes() + (300 << 20)
    outcome = slsc("run", bundle, tmp_path / "in", "-o", tmp_path / "out", "--memory", str(memory))
    assert outcome.code == 2 and "1 of 2 photos" in outcome.err and "decoding the photo does not fit" in outcome.err
    assert files(tmp_path / "out") == ["b.png"]


def test_streams(bundle: Path, tmp_path: Path) -> None:
    data = photo(tmp_path / "a.jpg", quality=100).read_bytes()
    command = [sys.executable, "-m", "slsc", "run", str(bundle), "--threads", "1"]
    done = subprocess.run(
        [*command, "-", "-o", "-", "--format", "webp", "-v"], input=data, capture_output=True, check=True
    )
    with Image.open(io.BytesIO(done.stdout)) as image:
        assert (image.format, image.size) == ("WEBP", (18, 14))
    assert b"tiles" in done.stderr
    done = subprocess.run([*command, "-", "-o", str(tmp_path / "b.png")], input=data, capture_output=True, check=True)
    assert done.stdout == f"{tmp_path / 'b.png'}\n".encode()
    assert load_photo(tmp_path / "b.png").pixels.shape == (14, 18, 3)


def test_what_streams_cannot_be(slsc: Cli, bundle: Path, tmp_path: Path, monkeypatch) -> None:
    path = photo(tmp_path / "in" / "a.png")
    for words, why in (((path, "--json"), "prints to stdout"), ((path.parent,), "takes one image")):
        outcome = slsc("run", bundle, *words, "-o", "-")
        assert outcome.code == 2 and why in outcome.err
    for data, why in ((b"", "nothing came"), (b"no picture", "not an image of a known format")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        outcome = slsc("run", bundle, "-", "-o", tmp_path / "out.png")
        assert (
            outcome.code == 2
            and outcome.err.startswith("slsc: error: stdin: cannot use the image")
            and why in outcome.err
        )
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    "words", [("--suffix", "a/b"), ("--format", "jpg"), ("--suffix", "_x"), ("--recursive",), ("--format", "xyz")]
)
def test_options_that_do_not_go_together(slsc: Cli, bundle: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    outcome = slsc("run", bundle, photo(tmp_path / "a.png"), "-o", tmp_path / "out.png", *words)
    assert outcome.code == 2 and outcome.err.count("\n") == 1
    assert not (tmp_path / "out.png").exists()


def test_what_an_output_cannot_carry_is_told_once(slsc: Cli, bundle: Path, tmp_path: Path) -> None:
    import struct
    import zlib

    chunk = struct.pack(">I", 4) + b"cICP" + bytes([9, 16, 0, 1])
    chunk += struct.pack(">I", zlib.crc32(chunk[4:]))
    for name in ("a.png", "b.png"):
        path = photo(tmp_path / "in" / name)
        data = path.read_bytes()
        path.write_bytes(data[:33] + chunk + data[33:])
    outcome = slsc("run", bundle, tmp_path / "in", "-o", tmp_path / "out", "--format", "jpg")
    assert outcome.code == 0 and outcome.err.count("JPEG cannot carry cICP") == 1
    outcome = slsc("run", bundle, tmp_path / "in", "-o", tmp_path / "png", "--strip")
    assert "cannot carry" not in outcome.err and chunk in (tmp_path / "png" / "a.png").read_bytes()


def test_strip_leaves_out_who_took_the_photo(slsc: Cli, bundle: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x13B] = "Zed Photographer"
    photo(tmp_path / "a.png", exif=exif)
    for words, there in (((), True), (("--strip",), False)):
        assert slsc("run", bundle, tmp_path / "a.png", "-o", tmp_path / "out.png", *words).code == 0
        assert (b"Zed Photographer" in (tmp_path / "out.png").read_bytes()) == there


def test_a_disk_that_fills_while_a_photo_is_streamed_ends_the_run(bundle: Path, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    noise = np.random.default_rng(1).integers(0, 256, (400, 300, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "in.png")
    words = [sys.executable, "-m", "slsc", "run", bundle, tmp_path / "in.png", "-o", tmp_path / "out.png"]
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # noqa: E731
    done = subprocess.run(words, preexec_fn=limit, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3 and "no space left" in done.stderr
    assert files(tmp_path) == ["in.png"]

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from slsc.runtime.image.photo import load_photo
from slsc.runtime.session import Session

Cli = Callable[..., object]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (21, 34, 3), np.uint8)).save(path)
    return path


def test_restores_one_photo(slsc: Cli, bundle: Path, photo: Path, tmp_path: Path) -> None:
    outcome = slsc(
        "run", bundle, photo, "-o", tmp_path / "out.png", "--engine", "1-2", "--tile", "16", "--threads", "1"
    )
    assert outcome.code == 0
    assert outcome.out == f"{tmp_path / 'out.png'}\n"
    expected = Session(bundle, engine="1-2", tile=16, threads=1).restore(load_photo(photo).pixels)
    assert np.array_equal(load_photo(tmp_path / "out.png").pixels, expected)


def test_json(slsc: Cli, bundle: Path, photo: Path, tmp_path: Path) -> None:
    outcome = slsc("run", bundle, photo, "-o", tmp_path, "--json", "--memory", "1GiB")
    assert outcome.code == 2, "the output would be the photo itself"
    (tmp_path / "out").mkdir()
    outcome = slsc("run", bundle, photo, "-o", tmp_path / "out", "--json", "--memory", "1GiB")
    told = json.loads(outcome.out)
    assert told["artefacts"] == [str(tmp_path / "out" / "photo.png")]
    assert (told["scale"], told["engine"], told["images"][0]["tiles"]) == (2, "1-8", 1)


def test_restores_a_folder_and_reports_what_it_could_not(slsc: Cli, bundle: Path, photo: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    photo.rename(folder / "b.png")
    Image.new("L", (5, 4), 99).save(folder / "c.jpg")
    assert slsc("run", bundle, folder, "-o", out).out == f"{out / 'b.png'}\n{out / 'c.png'}\n"
    assert load_photo(out / "c.png").pixels.shape == (8, 10, 1)
    (folder / "a.png").write_bytes(b"not a picture")
    outcome = slsc("run", bundle, folder, "-o", tmp_path / "again")
    assert outcome.code == 2
    assert "1 of 3 photos" in outcome.err
    assert "a.png" in outcome.err
    assert sorted(path.name for path in (tmp_path / "again").iterdir()) == ["b.png", "c.png"]


def test_tiles_known_to_differ_are_told_of(slsc: Cli, unfaithful: Path, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    outcome = slsc("run", unfaithful, photo, "-o", out, "--tile", "16")
    assert outcome.code == 0
    assert "warning" in outcome.err and "4 tiles" in outcome.err and "32 of 255" in outcome.err
    for option in ("--exact", "--threads=1"):
        outcome = slsc("run", unfaithful, photo, "-o", out, option)
        assert (outcome.code, outcome.err) == (0, "")
    assert np.array_equal(load_photo(out).pixels, Session(unfaithful, exact=True).restore(load_photo(photo).pixels))


def test_refusals(slsc: Cli, bundle: Path, photo: Path, tmp_path: Path) -> None:
    def code(*words: object) -> int:
        outcome = slsc("run", *words)
        assert outcome.code == 0 or outcome.err.count("\n") == 1, "one line"
        return outcome.code

    out = tmp_path / "out.png"
    assert code(bundle, photo) == 2
    assert code(bundle, tmp_path / "none.png", "-o", out) == 2
    assert code(bundle, photo, "-o", tmp_path / "none" / "out.png") == 2
    assert code(bundle, photo, "-o", tmp_path / "out.xyz") == 2
    assert code(bundle, photo, "-o", out, "--engine", "none") == 2
    assert code(bundle, photo, "-o", out, "--memory", "lots") == 2
    assert code(bundle, photo, "-o", out, "--memory", "1MiB") == 3
    assert code(photo, photo, "-o", out) == 1
    assert code(tmp_path / "none.slsb", photo, "-o", out) == 2
    assert not out.exists()


def test_two_photos_of_one_name(slsc: Cli, bundle: Path, photo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.png", "a.jpg"):
        Image.new("L", (5, 4)).save(folder / name)
    outcome = slsc("run", bundle, folder, "-o", tmp_path / "out")
    assert outcome.code == 2
    assert "a.jpg and a.png would both become a.png" in outcome.err
    assert slsc("run", bundle, folder, "-o", photo).code == 2
    assert not (tmp_path / "out").exists()

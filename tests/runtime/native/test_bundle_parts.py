"""What lies behind the C library's bundles, part by part, against the Python runtime and the standard library."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from slsc.errors import BundleError
from slsc.runtime.bundle.reader import open_bundle
from slsc.runtime.image.resample import imresize
from slsc.runtime.tiles.tiling import even_extent, spans


@pytest.fixture(scope="session")
def part(native_tests) -> Callable[..., str]:
    """part(mode, *arguments): what `bundletest` prints."""
    program = native_tests / "bundletest"

    def run(*arguments: object, text: str | None = None) -> str:
        done = subprocess.run([program, *map(str, arguments)], input=text, capture_output=True, encoding="utf-8")
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def bundle(plans, bundles, tmp_path) -> Path:
    return bundles.write(tmp_path / "net.slsb", plans.identity(3).to_bytes(), bundles.manifest(io={"scale": 1}))


@pytest.mark.parametrize("size", [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 10_000])
def test_sha256(part, tmp_path, size):
    data = np.random.default_rng(size).bytes(size)
    (tmp_path / "data").write_bytes(data)
    assert part("sha256", tmp_path / "data").strip() == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [1, -2, 3.5e-3, "\\u00e4\\ud83d\\ude00\\n\\"\\/", null, true, false, {}], "b": {"c": []}}',
        "[]",
        " 1 ",
        "-0",
        "0.1",
        "1E+2",
        "999999999999999999",
        '"ü€😀"',
        "[" * 64 + "]" * 64,
    ],
)
def test_json(part, tmp_path, text):
    (tmp_path / "data").write_text(text, encoding="utf-8")
    assert json.loads(part("json", tmp_path / "data")) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"  ", b"[", b"[1,]", b"[1 2]", b'{"a" 1}', b'{"a":1,}', b"{1:2}", b"1 2", b"nul", b"tru", b"'a'"),
        *(b"01", b"+1", b".5", b"1.", b"1e", b"-", b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 19),
        *(b'"', b'"a\tb"', b'"a\x00b"', b'"\\x"', b'"\\u12"', b'"\\u12g4"', b'"\\ud800"', b'"\\udc00\\ud800"'),
        *(b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xe2\x82"', b"\xef\xbb\xbf1"),
        *(b'{"a":1,"a":2}', b'{"a":1,"\\u0061":2}', b"[" * 66 + b"]" * 66, b"[" * 100_000),
        b"[" + b"1," * (1 << 18) + b"1]",
    ],
)  # fmt: skip
def test_what_is_not_strict_json_is_refused(part, tmp_path, text):
    (tmp_path / "data").write_bytes(text)
    assert part("json", tmp_path / "data") == "bad_manifest"


def test_tiles_are_those_of_the_python_runtime(part):
    rng = np.random.default_rng(0)
    asked, expected = [], []
    for _ in range(2000):
        align = int(rng.choice([1, 2, 4, 8, 12]))
        halo, size = int(rng.integers(0, 9)) * align, int(rng.integers(1, 400))
        largest = int(rng.integers(1, 12)) * align + 2 * halo
        extent = even_extent(size, largest, halo, align)
        edges = [(s.start, s.stop, s.core_start, s.core_stop) for s in spans(size, extent, halo, align)]
        asked.append(f"{size} {largest} {halo} {align}")
        expected.append([extent, *(edge for span in edges for edge in span)])
    lines = part("tiles", text="\n".join(asked)).splitlines()
    assert [[int(word) for word in line.split()] for line in lines] == expected


@pytest.mark.parametrize("scale", [1, 2, 3, 4, 16])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (5, 1), (17, 23)])
def test_enlarging_is_that_of_the_python_runtime(part, tmp_path, scale, height, width):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width), np.uint8)
    (tmp_path / "in").write_bytes(pixels.tobytes())
    part("enlarge", tmp_path / "in", height, width, scale, tmp_path / "out")
    made = np.frombuffer((tmp_path / "out").read_bytes(), np.float32).reshape(height * scale, width * scale)
    expected = imresize(pixels, made.shape, round_passes=False).astype(np.float32)
    assert np.abs(made - expected).max() <= 1e-13  # powers are not the same in every C library


def _fault(path: Path) -> str:
    """The code with which the Python runtime refuses a bundle, or "ok"."""
    try:
        open_bundle(path).verify_all()
    except BundleError as error:
        return str(error.code.value)
    return "ok"


def _edited(bundles, edit: Callable[[dict], object]) -> Callable[[Path], None]:
    """A bundle rewritten with a changed manifest."""

    def apply(path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        about = json.loads(files["manifest.json"])
        edit(about)
        bundles.write_zip(path, {**files, "manifest.json": json.dumps(about).encode()})

    return apply


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(change(path.read_bytes()))


def _patched(offset: int, data: bytes) -> Callable[[Path], None]:
    """`data` at an offset from the start, or from the end if it is negative."""
    return _bytes(lambda whole: whole[: offset % len(whole)] + data + whole[offset % len(whole) + len(data) :])


def _directory(at: int, data: bytes) -> Callable[[Path], None]:
    """`data` at an offset inside the first record of the central directory."""

    def change(whole: bytes) -> bytes:
        start = struct.unpack_from("<L", whole, len(whole) - 6)[0] + at
        return whole[:start] + data + whole[start + len(data) :]

    return _bytes(change)


def _zip(**files: bytes) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        with zipfile.ZipFile(path, "a") as archive:
            for name, data in files.items():
                archive.writestr(zipfile.ZipInfo(name.replace("__", "/")), data)

    return apply


def _compressed(path: Path) -> None:
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("more", b"a" * 1000)


def _renamed(name: str) -> Callable[[Path], None]:
    return _bytes(lambda whole: whole.replace(b"engines/1-8.nmp", name.encode()))


STRUCTURE = {
    "ok": lambda path: None,
    "missing": Path.unlink,
    "folder": lambda path: (path.unlink(), path.mkdir()),
    "empty": _bytes(lambda whole: b""),
    "three bytes": _bytes(lambda whole: whole[:3]),
    "another format": _bytes(lambda whole: b"\x89PNG" + whole),
    "cut in the middle": _bytes(lambda whole: whole[: len(whole) // 2]),
    "cut in the last record": _bytes(lambda whole: whole[:-3]),
    "bytes behind": _bytes(lambda whole: whole + b"x"),
    "bytes before the directory": _bytes(lambda whole: whole[:-22] + b"x" + whole[-22:]),
    "comment": _patched(-2, b"\x01\x00"),
    "many entries": _patched(-14, b"\xff\xff\xff\xff"),
    "miscounted": _patched(-14, b"\x07\x00"),
    "huge directory": _patched(-10, b"\xff\xff\xff\x7f"),
    "directory elsewhere": _patched(-6, b"\x10\x00\x00\x00"),
    "damaged directory": _directory(0, b"XX"),
    "newer zip": _directory(6, b"\xff\x00"),
    "encrypted": _directory(8, b"\x01\x00"),
    "flags": _directory(8, b"\x08\x00"),
    "other size": _directory(24, b"\x01\x00\x00\x00"),
    "huge manifest": _directory(20, b"\x00\x00\x00\x7f" * 2),
    "moved": _directory(42, b"\x01\x00\x00\x00"),
    "compressed": _compressed,
    "foreign entry": _zip(more=b"more"),
    "twice": _zip(ENGINES__1=b""),
    "twice without case": _zip(**{"Engines__1-8.nmp": b""}),
    "leaves": _renamed("../ines/1-8.nmp"),
    "absolute": _renamed("/ngines/1-8.nmp"),
    "backslash": _renamed("engines\\1-8.nmp"),
    "changed plan": _bytes(lambda whole: whole.replace(b"SLSCNMP", b"SLSCNMQ")),
    "changed manifest": _bytes(lambda whole: whole.replace(b"tiny", b"tiNy")),
}


@pytest.mark.parametrize("case", STRUCTURE)
def test_damaged_files_are_refused_with_the_word_of_the_python_runtime(part, bundle, case):
    STRUCTURE[case](bundle)
    assert part("open", bundle).strip() == _fault(bundle)
    assert (_fault(bundle) == "ok") == (case == "ok")


def _set(*keys_and_value: object) -> Callable[[dict], None]:
    """Sets a value, found by keys and indices."""
    *keys, last, value = keys_and_value

    def edit(about: dict) -> None:
        for key in keys:
            about = about[key]
        about[last] = value

    return edit


MANIFESTS = {
    "older schema": _set("schema", 1),
    "newer schema": _set("schema", 5),
    "no schema": lambda about: about.pop("schema"),
    "schema of another type": _set("schema", "2"),
    "unknown field": _set("more", 1),
    "missing field": lambda about: about.pop("tile"),
    "long version": _set("slsc_version", "1" * 65),
    "unprintable": _set("source", "name", "a\nb"),
    "source's digest": _set("source", "sha256", "0" * 63),
    "an option that is no text": _set("source", "options", [1]),
    "an empty note": _set("source", "notes", [""]),
    "notes without end": _set("source", "notes", ["a"] * 65),
    "two channels": _set("io", "channels", 2),
    "order": _set("io", "order", "Y"),
    "a boolean for a number": _set("io", "scale", True),
    "a fraction for an integer": _set("io", "scale", 1.0),
    "scale and task": _set("io", "task", "sr"),
    "scale": _set("io", "scale", 17),
    "white below black": _set("io", "input_range", "high", [-1]),
    "white below black in one channel": _set("io", "output_range", {"low": [0, 0, 0], "high": [1, -1, 1]}),
    "range": _set("io", "input_range", "high", [1e7]),
    "range of two channels": _set("io", "output_range", {"low": [0, 0], "high": [1, 1]}),
    "range of one and three channels": _set("io", "output_range", {"low": [0], "high": [1, 1, 1]}),
    "range of no channel": _set("io", "output_range", {"low": [], "high": []}),
    "range of texts": _set("io", "output_range", "low", ["0"]),
    "range that is a number": _set("io", "output_range", 1),
    "range with an unknown field": _set("io", "output_range", "mean", [0]),
    "fixed size": _set("io", "fixed_hw", [0, 1]),
    "fixed sizes": _set("io", "fixed_hw", [1, 1, 1]),
    "multiple": _set("io", "multiple_of", None),
    "halo": _set("tile", "halo", 65537),
    "align": _set("tile", "align", 0),
    "exact without a bound": _set("tile", "receptive_field", None),
    "inexact without a reason": _set("tile", "exact", False),
    "no engines": _set("engines", []),
    "engines of one name": _set("engines", 1, "name", "1-8"),
    "engine with a zero-cost name": _set("engines", 1, "name", "bicubic"),
    "engine with an unknown field": _set("engines", 0, "more", 1),
    "quality": _set("engines", 0, "quality", {"psnr_y": "high"}),
    "plan": _set("engines", 0, "plan", {"budget": "1/8"}),
    "kind": _set("engines", 0, "refusals", {"Tensor RT": "no"}),
    "no types": lambda about: about["engines"][0].pop("types"),
    "precision": _set("engines", 0, "types", "precision", "int4"),
    "type of a layer": _set("engines", 0, "types", "layers", {"body.weight": "auto"}),
    "zero point": _set("engines", 0, "types", "scales", {"x": {"scale": 0.02, "zero": 256}}),
    "kind that is there and refused": _set("engines", 0, "refusals", {"native": "no"}),
    "no onnx": lambda about: about["engines"][0]["artefacts"].pop("onnx"),
    "artefact of another type": _set("engines", 0, "artefacts", "native", "engines/1-8.nmp"),
    "artefact that is no entry": _set("engines", 0, "artefacts", "native", "entry", "engines/none"),
    "candidate that is no engine": _set("candidates", 0, "name", "1-2"),
    "candidate twice": lambda about: about["candidates"].append(about["candidates"][0]),
    "costly zero-cost candidate": _set("candidates", [{"name": "identity", "cost": 0.1, "quality": {}}]),
    "entry's digest": _set("entries", "engines/1-8.nmp", "sha256", "A" * 64),
    "entry's size": _set("entries", "engines/1-8.nmp", "bytes", 1),
    "entry's negative size": _set("entries", "engines/1-8.nmp", "bytes", -1),
    "entry that the file lacks": _set("entries", "more", {"sha256": "0" * 64, "bytes": 1}),
    "entry with a bad name": _set("entries", "../more", {"sha256": "0" * 64, "bytes": 1}),
    "manifest among the entries": _set("entries", "manifest.json", {"sha256": "0" * 64, "bytes": 1}),
    "entry left out": lambda about: [about["entries"].pop("engines/1-8.nmp"), about["engines"][0]["artefacts"].clear()],
}  # fmt: skip

GOOD_MANIFESTS = {
    "a kind of tomorrow": _set("engines", 1, "refusals", {"tensorrt-rtx": "no device"}),
    "a layer": _set("engines", 0, "plan", {
        "budget": "1/8", "kept_share": 0.1, "method": "uniform",
        "layers": [{"name": "w", "n": 4, "m": 32, "rule": "magnitude", "mask_sha256": "0" * 64}],
    }),
    "zero-cost candidate": _set("candidates", [{"name": "identity", "cost": 0, "quality": {"psnr_y": 1}}]),
    "a range a channel": _set("io", "input_range", {"low": [-2.1, -2, -1.8], "high": [2.2, 2.4, 2.6]}),
    "integers for numbers": _set("io", "input_range", "high", [255]),
}  # fmt: skip


@pytest.mark.parametrize("case", MANIFESTS)
def test_bad_manifests_are_refused_with_the_word_of_the_python_runtime(part, bundles, bundle, case):
    _edited(bundles, MANIFESTS[case])(bundle)
    assert part("open", bundle).strip() == _fault(bundle) != "ok"


def test_an_estimator_that_says_nothing_is_refused(part, bundles, bundle):
    _edited(bundles, _set("estimators", [{}]))(bundle)
    assert part("open", bundle).strip() == _fault(bundle) == "bad_manifest"


@pytest.mark.parametrize("case", GOOD_MANIFESTS)
def test_good_manifests_are_taken(part, bundles, bundle, case):
    _edited(bundles, GOOD_MANIFESTS[case])(bundle)
    assert part("open", bundle).strip() == _fault(bundle) == "ok"


def test_example_of_the_reference_is_a_good_manifest(part, bundles, native_sources, tmp_path):
    page = (native_sources.parents[1] / "docs" / "reference" / "bundle.md").read_text(encoding="utf-8")
    about = json.loads(page.split("```json")[1].split("```")[0])
    files = {}
    for name, entry in about["entries"].items():
        files[name] = name.encode().ljust(100)
        entry |= {"bytes": 100, "sha256": hashlib.sha256(files[name]).hexdigest()}
    path = bundles.write_zip(tmp_path / "net.slsb", {"manifest.json": json.dumps(about).encode(), **files})
    assert part("open", path).strip() == "ok"


def test_a_bundle_may_be_reached_through_a_link(part, bundle, tmp_path):
    (tmp_path / "link.slsb").symlink_to(bundle)
    shutil.copy(bundle, tmp_path / "größer.slsb")
    assert part("open", tmp_path / "link.slsb", tmp_path / "größer.slsb").split() == ["ok", "ok"]

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slsc.errors import BundleError
from slsc.runtime.bundle.reader import BundleFault, open_bundle

ENGINE = "engines/1-8.onnx"
PAYLOAD = bytes(range(256)) * 4


@pytest.fixture()
def bundle(tmp_path: Path, tiny: SimpleNamespace) -> Path:
    return tiny.bundle(tmp_path / "net.slsb", tiny.manifest(), {ENGINE: PAYLOAD})


def fault(path: Path) -> BundleFault:
    with pytest.raises(BundleError) as caught:
        open_bundle(path).verify_all()
    assert caught.value.where and caught.value.why and caught.value.hint
    assert "\n" not in str(caught.value)
    return BundleFault(caught.value.code)


def test_reads_what_was_written(bundle: Path) -> None:
    opened = open_bundle(bundle)
    opened.verify_all()
    assert opened.read(ENGINE) == PAYLOAD
    assert opened.manifest.engine().onnx == ENGINE


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert fault(tmp_path / "none.slsb") is BundleFault.UNREADABLE
    assert fault(tmp_path) is BundleFault.UNREADABLE


def test_a_pipe_and_a_device_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "net.slsb")
    assert fault(tmp_path / "net.slsb") is BundleFault.UNREADABLE
    assert fault(Path("/dev/zero")) is BundleFault.UNREADABLE


def test_unknown_entry(bundle: Path) -> None:
    with pytest.raises(BundleError) as caught:
        open_bundle(bundle).read("engines/none.onnx")
    assert caught.value.code is BundleFault.MISSING_ENTRY


def test_an_onnx_file_gets_the_compile_hint(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"\x08\x07not a zip")
    with pytest.raises(BundleError, match=r"slsc compile net\.onnx"):
        open_bundle(path)


def test_empty_prepended_appended_truncated(bundle: Path) -> None:
    data = bundle.read_bytes()
    for changed, expected in [
        (b"", BundleFault.NOT_A_BUNDLE),
        (b"junk" + data, BundleFault.NOT_A_BUNDLE),
        (b"PK\x03\x04" + data, BundleFault.NOT_A_BUNDLE),
        (data + b"junk", BundleFault.NOT_A_BUNDLE),
        (data[:-1], BundleFault.TRUNCATED),
        (data[:-30], BundleFault.TRUNCATED),
        (data[:100], BundleFault.TRUNCATED),
    ]:
        bundle.write_bytes(changed)
        assert fault(bundle) is expected


def test_changed_entry(bundle: Path) -> None:
    data = bytearray(bundle.read_bytes())
    data[data.index(PAYLOAD) + 5] ^= 1
    bundle.write_bytes(data)
    assert fault(bundle) is BundleFault.CHANGED_ENTRY


def test_changed_manifest(bundle: Path) -> None:
    data = bundle.read_bytes()
    bundle.write_bytes(data.replace(b'"scale": 2', b'"scale": 3'))
    assert fault(bundle) is BundleFault.CHANGED_ENTRY


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "a/../b", "a\\b", "C:evil", "engines//x", ".hidden", "a b", "\u00e9", "x" * 300]
)
def test_names_that_could_escape(tmp_path: Path, tiny: SimpleNamespace, name: str) -> None:
    assert fault(tiny.bundle(tmp_path / "b.slsb", tiny.manifest(), {ENGINE: b"x", name: b"y"})) is BundleFault.BAD_PATH


def test_unexpected_missing_duplicate(tmp_path: Path, tiny: SimpleNamespace, bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        manifest = archive.read("manifest.json")
    path = tmp_path / "b.slsb"
    files = {"manifest.json": manifest, ENGINE: PAYLOAD}
    assert fault(tiny.zip(path, {**files, "extra.bin": b""})) is BundleFault.UNEXPECTED_ENTRY
    assert fault(tiny.zip(path, {"manifest.json": manifest})) is BundleFault.MISSING_ENTRY
    assert fault(tiny.zip(path, {ENGINE: PAYLOAD})) is BundleFault.MISSING_ENTRY
    assert fault(tiny.zip(path, {**files, "Engines/1-8.onnx": b""})) is BundleFault.DUPLICATE_ENTRY
    assert fault(tiny.zip(path, {**files, ENGINE: b"other"})) is BundleFault.CHANGED_ENTRY


def test_compressed_entry(tmp_path: Path) -> None:
    path = tmp_path / "b.slsb"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", "{}")
    assert fault(path) is BundleFault.COMPRESSED_ENTRY


def test_claimed_sizes_are_checked_before_reading(bundle: Path) -> None:
    data = bytearray(bundle.read_bytes())
    record = data.rindex(b"PK\x01\x02")
    data[record + 20 : record + 28] = (0x7FFFFFF0).to_bytes(4, "little") * 2
    bundle.write_bytes(data)
    assert fault(bundle) is BundleFault.NOT_A_BUNDLE
    with bundle.open("r+b") as file:
        file.truncate(1 << 31)
    assert fault(bundle) is BundleFault.TOO_LARGE


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_random_damage_is_refused_or_harmless(bundle: Path, tmp_path: Path, data: st.DataObject) -> None:
    sound = bundle.read_bytes()
    manifest = open_bundle(bundle).manifest
    damaged = bytearray(sound)
    for _ in range(data.draw(st.integers(1, 3))):
        # The table of contents is a few per cent of the file and the most delicate part: aim at it half of the time.
        low = data.draw(st.sampled_from([0, len(sound) - 160]))
        damaged[data.draw(st.integers(low, len(sound) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del damaged[data.draw(st.integers(0, len(damaged))) :]
    path = tmp_path / "damaged.slsb"
    path.write_bytes(damaged)
    try:
        opened = open_bundle(path)
        opened.verify_all()
    except BundleError:
        return
    assert opened.manifest == manifest
    assert opened.read(ENGINE) == PAYLOAD

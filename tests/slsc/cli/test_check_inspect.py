"""`slsc inspect` and `slsc check`: tables, verdicts, and what they say of damaged bundles."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from slsc.passes.graph import initializers, set_initializer
from slsc.passes.package import write_bundle
from slsc.runtime.bundle.reader import MANIFEST_NAME, open_bundle


def test_inspect_shows_every_layer_of_a_network(slsc, model_path):
    done = slsc("inspect", model_path)
    assert done.code == 0
    rows = {line.split()[0]: line for line in done.out.splitlines() if line}
    assert "32x32x3x3" in rows["body"] and "dense" in rows["body"] and "4 of 4 at" in rows["body"]
    assert "3 input channels" in rows["head"]
    assert "3 layers, 2 prunable, 0 eligible for 2:4" in done.out


def test_inspect_shows_the_engines_of_a_bundle(slsc, bundle):
    done = slsc("inspect", bundle)
    assert done.code == 0
    assert "compiled from upscaler.onnx" in done.out
    assert "engine 1-8" in done.out and "engine 1-2" in done.out
    answer = json.loads(slsc("inspect", bundle, "--json").out)
    planned = {layer["name"]: layer["n"] for layer in answer["manifest"]["engines"][0]["plan"]["layers"]}
    found = {layer["layer"]["name"]: layer["n"] for layer in answer["engines"]["1-8"]["layers"]}
    assert planned == {name: found[name] for name in planned}


def test_check_passes_a_sound_bundle_and_says_how_far_it_is_from_the_dense_network(slsc, bundle):
    done = slsc("check", bundle, "--against", bundle.parent / "upscaler.onnx")
    assert done.code == 0, done.out
    assert "FAIL" not in done.out and "0 failed" in done.out
    assert "dB, largest difference" in done.out


def test_check_fails_against_another_network(slsc, bundle, make_upscaler, tmp_path):
    other = make_upscaler()
    for name, value in initializers(other).items():
        if name == "tail":
            set_initializer(other, name, value[::-1].copy())
    onnx.save(other, tmp_path / "other.onnx")
    done = slsc("check", bundle, "--against", tmp_path / "other.onnx", "--json")
    answer = json.loads(done.out)
    assert done.code == answer["exit_code"] == 1
    failed = [check["name"] for check in answer["checks"] if check["passed"] is False]
    assert failed == ["engine 1-8 against other.onnx", "engine 1-2 against other.onnx"]


def test_check_fails_an_engine_that_broke_its_pattern_under_a_right_checksum(slsc, bundle, tmp_path, monkeypatch):
    opened = open_bundle(bundle)
    files = {name: opened.read(name) for name in opened.manifest.entries}
    graph = onnx.load_model_from_string(files["engines/1-8.onnx"])
    set_initializer(graph, "body", np.ones_like(initializers(graph)["body"]))
    files["engines/1-8.onnx"] = graph.SerializeToString()
    # What writes bundles would refuse this one.
    monkeypatch.setattr("slsc.passes.package._check_engine", lambda *_: None)
    write_bundle(tmp_path / "dense.slsb", opened.manifest, files)
    done = slsc("check", tmp_path / "dense.slsb")
    assert done.code == 1
    assert "FAIL  engine 1-8 keeps its N:M: body: the weights break the plan's pattern" in done.out


def truncated(data: bytes) -> bytes:
    return data[:-100]


def newer(data: bytes) -> bytes:
    return data.replace(b'"schema": 4', b'"schema": 9')


def escaping(data: bytes) -> bytes:
    return data.replace(b"engines/1-2.onnx", b"../gines/1-2.onn")


@pytest.mark.parametrize(
    ("damage", "says"),
    [(truncated, "missing"), (newer, "CRC-32"), (escaping, "not allowed"), (lambda data: b"", "empty")],
    ids=["truncated", "manifest edited", "path traversal", "empty"],
)
def test_bundles_that_cannot_be_opened(slsc, bundle, tmp_path, damage: Callable[[bytes], bytes], says: str):
    path = tmp_path / "bad.slsb"
    path.write_bytes(damage(bundle.read_bytes()))
    for verb in ("check", "inspect"):
        done = slsc(verb, path)
        assert done.code == 1
        assert done.err.startswith("slsc: error: ") and done.err.count("\n") == 1 and says in done.err


def rewritten(source: Path, target: Path, edit: Callable[[dict], None]) -> Path:
    """The bundle with another manifest, and a right CRC-32."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            data = old.read(info)
            if info.filename == MANIFEST_NAME:
                manifest = json.loads(data)
                edit(manifest)
                data = json.dumps(manifest).encode()
            new.writestr(zipfile.ZipInfo(info.filename), data)
    return target


def to_schema_1(manifest: dict) -> None:
    manifest["schema"] = 1


def to_schema_9(manifest: dict) -> None:
    manifest["schema"] = 9


def absurd(manifest: dict) -> None:
    manifest["io"]["scale"] = 10**9


@pytest.mark.parametrize(
    ("edit", "says"), [(to_schema_1, "older slsc (schema 1)"), (to_schema_9, "newer slsc"), (absurd, "scale")]
)
def test_manifests_that_are_refused(slsc, bundle, tmp_path, edit, says):
    done = slsc("check", rewritten(bundle, tmp_path / "bad.slsb", edit))
    assert done.code == 1 and says in done.err


def with_a_kind_of_its_own(manifest: dict) -> None:
    manifest["engines"][0]["artefacts"]["some-kind"] = {"entry": "engines/1-8.onnx"}


def test_inspect_lists_kinds_that_nothing_here_runs(slsc, bundle, tmp_path):
    path = rewritten(bundle, tmp_path / "more.slsb", with_a_kind_of_its_own)
    assert "1-8: holds some-kind, which this slsc does not run" in slsc("inspect", path).out
    assert slsc("check", path).code == 0


def test_a_changed_entry_fails_its_checksum(slsc, bundle, tmp_path):
    data = bytearray(bundle.read_bytes())
    data[data.index(open_bundle(bundle).read("engines/1-2.onnx")) + 500] ^= 0xFF
    (tmp_path / "bad.slsb").write_bytes(data)
    done = slsc("check", tmp_path / "bad.slsb")
    assert done.code == 1
    assert "FAIL  SHA-256 of engines/1-2.onnx" in done.out


def test_a_network_is_no_bundle(slsc, model_path):
    done = slsc("check", model_path)
    assert done.code == 1 and "slsc compile" in done.err

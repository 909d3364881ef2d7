"""The native engine on the command line: compiled, inspected, checked, run; or why not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image

from slsc.errors import BackendError
from slsc.jobs.compile.artefacts import make_artefacts
from slsc.passes.artefacts import FORMS
from slsc.passes.graph import initializers
from slsc.passes.lowering import lower
from slsc.passes.package import write_bundle
from slsc.runtime.backends.library import library_path
from slsc.runtime.bundle.engines import Artefact
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.bundle.reader import open_bundle
from slsc.runtime.bundle.value_range import UNIT

needs_library = pytest.mark.skipif(library_path() is None, reason="the native library was not built")
IO = ImageIO(3, "RGB", UNIT, UNIT, "image", "restored", 2, "sr")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 30, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_a_bundle_holds_a_plan_for_each_engine(bundle: Path) -> None:
    opened = open_bundle(bundle)
    for engine in opened.manifest.engines:
        assert engine.artefacts["native"] == Artefact(f"engines/{engine.name}.nmp")
        assert opened.read(engine.artefacts["native"].entry)[:8] == b"SLSCNMP\0"
        assert not engine.refusals


def test_what_is_not_lowered_stays_on_onnx_runtime_and_says_why(
    slsc: Callable, make_upscaler: Callable, tmp_path: Path, photo: Path
) -> None:
    onnx.save(make_upscaler(op="Softplus"), tmp_path / "net.onnx")
    output = tmp_path / "net.slsb"
    done = slsc("compile", tmp_path / "net.onnx", "--budget", "1/2", "--effort", "none", "--range", "0:1", "-o", output)
    assert done.code == 0
    assert "Softplus 'activation'" in done.err + done.out
    assert "no operation Softplus" in slsc("inspect", output).out
    checks = json.loads(slsc("check", output, "--json").out)["checks"]
    assert [check["passed"] for check in checks if "same on native" in check["name"]] == [None]
    done = slsc("run", output, photo, "-o", tmp_path / "out.png", "--json")
    assert json.loads(done.out)["backend"] == "onnxruntime"
    done = slsc("run", output, photo, "-o", tmp_path / "out.png", "--backend", "native")
    assert done.code == BackendError.exit_code
    assert "--backend onnxruntime" in done.err


@needs_library
def test_inspect_and_check(slsc: Callable, bundle: Path) -> None:
    assert "1-8: runs on native, onnxruntime" in slsc("inspect", bundle).out
    done = slsc("check", bundle)
    assert done.code == 0
    assert done.out.count("is the same on native") == 2
    assert "dB from ONNX Runtime" in done.out


@needs_library
def test_check_finds_a_plan_of_another_network(slsc: Callable, bundle: Path, tmp_path: Path) -> None:
    opened = open_bundle(bundle)
    manifest = opened.manifest
    model = onnx.load_from_string(opened.read("engines/1-2.onnx"))
    for tensor in model.graph.initializer:
        if tensor.name == "tail":
            changed = numpy_helper.to_array(tensor) + np.float32(1e-2)
            tensor.CopyFrom(numpy_helper.from_array(changed, "tail"))
    files = {name: opened.read(name) for name in manifest.entries}
    files["engines/1-2.nmp"] = lower(model, manifest.engine("1-2").plan)
    write_bundle(tmp_path / "other.slsb", replace(manifest, entries={}), files)
    done = slsc("check", tmp_path / "other.slsb")
    assert done.code == 1
    assert "FAIL  engine 1-2 is the same on native" in done.out
    assert "pass  engine 1-8 is the same on native" in done.out


@needs_library
def test_check_finds_a_plan_the_engine_refuses(slsc: Callable, bundle: Path, tmp_path: Path) -> None:
    opened = open_bundle(bundle)
    files = {name: opened.read(name) for name in opened.manifest.entries}
    files["engines/1-8.nmp"] = files["engines/1-8.nmp"][:-64]
    write_bundle(tmp_path / "cut.slsb", replace(opened.manifest, entries={}), files)
    done = slsc("check", tmp_path / "cut.slsb")
    assert done.code == 1
    assert "refuses the plan" in done.out


@needs_library
def test_run_takes_the_native_engine_by_default(slsc: Callable, bundle: Path, photo: Path, tmp_path: Path) -> None:
    outputs = {}
    for backend in ("default", "native", "onnxruntime"):
        words = ("--backend", backend) if backend != "default" else ()
        done = slsc("run", bundle, photo, "-o", tmp_path / f"{backend}.png", "--json", *words)
        assert json.loads(done.out)["backend"] == {"default": "native"}.get(backend, backend)
        outputs[backend] = np.asarray(Image.open(tmp_path / f"{backend}.png")).astype(int)
    assert np.array_equal(outputs["default"], outputs["native"])
    assert np.abs(outputs["native"] - outputs["onnxruntime"]).max() <= 1


@needs_library
def test_run_at_a_capacity(slsc: Callable, bundle: Path, photo: Path, tmp_path: Path) -> None:
    def restored(*words: str) -> np.ndarray:
        assert slsc("run", bundle, photo, "-o", tmp_path / "out.png", "--engine", "1-2", *words).code == 0
        return np.asarray(Image.open(tmp_path / "out.png"))

    assert not np.array_equal(restored("--capacity", "1"), restored())
    assert np.array_equal(restored("--capacity", "32"), restored())
    for capacity in ("0", "-3", "33", "4294967300"):
        assert slsc("run", bundle, photo, "-o", tmp_path / "out.png", "--capacity", capacity).code == 2
    done = slsc("run", bundle, photo, "-o", tmp_path / "out.png", "--capacity", "1", "--backend", "onnxruntime")
    assert done.code == 2
    assert "--backend native" in done.err


@needs_library
def test_a_plan_is_proven_before_it_is_packed(make_upscaler: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_upscaler()
    assert make_artefacts(model, None, IO).made["native"] == lower(model, None)
    other = make_upscaler()
    tail = initializers(other)["tail"]
    other.graph.initializer[2].CopyFrom(numpy_helper.from_array(tail * np.float32(10), "tail"))
    another = replace(FORMS["native"], build=lambda model, plan: lower(other, plan))
    monkeypatch.setattr("slsc.jobs.compile.artefacts.FORMS", {**FORMS, "native": another})
    found = make_artefacts(model, None, IO)
    assert found.made.keys() == {"onnx"}
    assert "dB from ONNX Runtime" in found.refusals["native"]

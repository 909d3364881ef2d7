"""`slsc build`: engines for GPUs that are not here."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slsc.runtime.backends.tensorrt.backend import engine_key
from slsc.runtime.backends.tensorrt.build import Shapes
from slsc.runtime.backends.tensorrt.device import Device, find_device
from slsc.runtime.backends.tensorrt.engine_cache import EngineCache
from slsc.runtime.backends.tensorrt.flavour import RTX
from slsc.runtime.bundle.reader import open_bundle

Cli = Callable[..., Any]

rtx = pytest.mark.skipif(RTX.missing() is not None, reason=f"needs TensorRT-RTX: {RTX.missing()}")
no_gpu = pytest.mark.skipif(isinstance(find_device(), Device), reason="a GPU is there")
WORDS = ("--backend", "tensorrt-rtx", "--size", "64x64", "--most", "96x128")


@rtx
def test_every_engine_for_every_architecture(slsc: Cli, bundle: Path, tmp_path: Path) -> None:
    outcome = slsc("build", bundle, *WORDS, "--arch", "sm80,SM_86,sm80", "-o", tmp_path / "engines", "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)["engines"]
    assert [(each["engine"], each["device"]) for each in found] == [
        ("1-8", "sm80"), ("1-8", "sm86"), ("1-2", "sm80"), ("1-2", "sm86"),
    ]  # fmt: skip
    assert all(each["convolution_types"] == {"FLOAT": 3} for each in found)
    opened = open_bundle(bundle)
    model = opened.read(opened.manifest.engines[0].onnx)
    key = engine_key(RTX, model, Shapes(best=(64, 64), most=(96, 128)), "sm86")
    data = EngineCache(tmp_path / "engines").load(key)
    assert data is not None
    assert len(data) == found[1]["bytes"]
    assert hashlib.sha256(data).digest() == hashlib.sha256(Path(found[1]["path"]).read_bytes()).digest()


@rtx
def test_table(slsc: Cli, bundle: Path, tmp_path: Path) -> None:
    outcome = slsc("build", bundle, *WORDS, "--arch", "sm89", "--engine", "1-8", "-o", tmp_path)
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    assert lines[0].split() == ["engine", "for", "MB", "s", "convolutions", "sparse"]
    assert lines[2].split()[:2] == ["1-8", "sm89"]
    assert Path(lines[-1]).is_file()


@rtx
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--arch", "sm87"), 2, "Jetson"),
        (("--arch", "sm1"), 2, "it knows"),
        (("--arch", "sm86", "--engine", "1-3"), 2, "it has 1-8, 1-2"),
        (("--arch", "sm86", "--size", "200x64"), 2, "--most"),
    ],
)
def test_bad_words(slsc: Cli, bundle: Path, tmp_path: Path, words: tuple[str, ...], code: int, said: str) -> None:
    outcome = slsc("build", bundle, *WORDS, *words, "-o", tmp_path / "engines")
    assert (outcome.code, outcome.out) == (code, "")
    assert said in outcome.err
    assert not (tmp_path / "engines").exists()


@no_gpu
@pytest.mark.parametrize("backend", ["tensorrt", "tensorrt-rtx"])
def test_without_a_gpu(slsc: Cli, bundle: Path, tmp_path: Path, backend: str) -> None:
    build = slsc("build", bundle, "--backend", backend, "-o", tmp_path / "engines")
    run = slsc("run", bundle, tmp_path / "photo.png", "-o", tmp_path / "restored.png", "--backend", backend)
    assert build.code == run.code == 4
    assert not (tmp_path / "engines").exists()


def test_it_needs_neither_torch_nor_onnx() -> None:
    code = "import sys, slsc.cli.build, slsc.jobs.build.building; print(*{'torch', 'onnx'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""

"""A backend and the form it loads are entered once each; every verb knows them then."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from slsc.errors import ModelError
from slsc.passes.artefacts import FORMS, Form
from slsc.runtime.backends import BACKENDS
from slsc.runtime.backends.onnxruntime import OnnxRuntimeBackend, OnnxRuntimeRunner
from slsc.runtime.bundle.reader import open_bundle

MARK = b"of another kind\n"


class Marked(OnnxRuntimeBackend):
    """Loads ONNX models behind a mark."""

    name, kind = "marked", "marked-onnx"

    def load(self, artefact: bytes) -> OnnxRuntimeRunner:
        return super().load(artefact.removeprefix(MARK))


def marked(model: onnx.ModelProto, plan: object) -> bytes:
    if any(node.op_type == "Softplus" for node in model.graph.node):
        raise ModelError("there is no mark for it", where="Softplus")
    return MARK + model.SerializeToString()


@pytest.fixture(autouse=True)
def entered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKENDS, "marked", Marked)
    monkeypatch.setitem(FORMS, "marked-onnx", Form("marked", marked))


@pytest.fixture
def compiled(slsc: Callable, make_upscaler: Callable, tmp_path: Path) -> Callable[[str], Path]:
    def compile_(op: str) -> Path:
        path = tmp_path / "net.onnx"
        onnx.save(make_upscaler(op=op), path)
        words = ("--budget", "1/2", "--effort", "none", "--range", "0:1", "-q", "-o", tmp_path / "net.slsb")
        assert slsc("compile", path, *words).code == 0
        return tmp_path / "net.slsb"

    return compile_


def test_every_verb_knows_it(slsc: Callable, compiled: Callable[[str], Path], tmp_path: Path) -> None:
    path = compiled("Relu")
    engine = open_bundle(path).manifest.engines[0]
    assert engine.artefacts["marked-onnx"].entry == "engines/1-2.marked"
    assert ", marked" in slsc("inspect", path).out
    assert "pass  engine 1-2 is the same on marked" in slsc("check", path).out
    Image.fromarray(np.zeros((8, 9, 3), np.uint8)).save(tmp_path / "photo.png")
    done = slsc("run", path, tmp_path / "photo.png", "-o", tmp_path / "out.png", "--backend", "marked", "--json")
    assert json.loads(done.out)["backend"] == "marked"
    pytest.importorskip("polygraphy")
    done = slsc("profile", path, "--backend", "marked", "--size", "12x16", "--repeat", "1", "--json")
    assert [result["backend"] for result in json.loads(done.out)["results"]] == ["marked"]


def test_every_verb_says_why_not(slsc: Callable, compiled: Callable[[str], Path]) -> None:
    path = compiled("Softplus")
    assert open_bundle(path).manifest.engines[0].refusals["marked-onnx"] == "Softplus: there is no mark for it"
    assert "1-2: not as marked-onnx: Softplus: there is no mark for it" in slsc("inspect", path).out
    assert "skip  engine 1-2 is the same on marked: Softplus" in slsc("check", path).out
    done = slsc("run", path, "x.png", "-o", "y.png", "--backend", "marked")
    assert done.code == 4 and "there is no mark for it; use --backend onnxruntime" in done.err

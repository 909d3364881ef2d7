from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from slsc.runtime.backends.library import library_path

pytest.importorskip("polygraphy")

Cli = Callable[..., Any]
SMALL = ("--size", "12x16", "--threads", "1", "--repeat", "3")
native = pytest.mark.skipif(library_path() is None, reason="the native engine is not built")


def results(outcome: Any) -> list[dict[str, Any]]:
    assert outcome.code == 0, outcome.err
    found: list[dict[str, Any]] = json.loads(outcome.out)["results"]
    return found


def test_network_on_onnxruntime(slsc: Cli, model_path: Path) -> None:
    (found,) = results(slsc("profile", model_path, "--backend", "onnxruntime", *SMALL, "--json"))
    assert (found["engine"], found["backend"], found["threads"]) == ("upscaler", "onnxruntime", 1)
    assert (found["size"], found["runs"]) == ("12x16", 3)
    assert 0 < found["min_ms"] <= found["p50_ms"] <= found["p90_ms"] <= found["p99_ms"]
    assert "per_op" not in found


@native
def test_every_engine_of_a_bundle_on_both_backends(slsc: Cli, bundle: Path) -> None:
    found = results(slsc("profile", bundle, "--backend", "native,onnxruntime", *SMALL, "--json"))
    assert [(each["engine"], each["backend"]) for each in found] == [
        ("1-8", "native"), ("1-8", "onnxruntime"), ("1-2", "native"), ("1-2", "onnxruntime"),
    ]  # fmt: skip


@native
def test_per_operation(slsc: Cli, bundle: Path) -> None:
    words = ("profile", bundle, "--engine", "1-8", *SMALL, "--per-op")
    found = {each["backend"]: each for each in results(slsc(*words, "--json"))}
    operations = found["native"]["per_op"]
    assert sum(each["share"] for each in operations) == pytest.approx(1)
    (head,) = [each for each in operations if each["what"] == "conv 3x3 3>32 dense relu"]
    (body,) = [each["what"] for each in operations if "32>32" in each["what"]]
    assert int(body.split()[3].removesuffix(":32")) <= 4, "at 1/8"
    assert head["gmac"] == pytest.approx(12 * 16 * 3 * 32 * 9 / 1e9)
    assert head["gflops"] == pytest.approx(2e3 * head["gmac"] / head["ms"])
    assert body in slsc(*words).out


def test_per_node_of_onnxruntime(slsc: Cli, model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, page = tmp_path / "temporary", tmp_path / "profile.html"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    words = ("profile", model_path, "--provider", "cpu", *SMALL, "--per-op")
    (found,) = results(slsc(*words, "--json"))
    assert sum(each["share"] for each in found["per_op"]) == pytest.approx(1)
    (head,) = [each for each in found["per_op"] if each["what"].startswith("Conv 32x3x3x3 ")]
    assert head["gmac"] == pytest.approx(12 * 16 * 3 * 32 * 9 / 1e9)
    assert head["gflops"] == pytest.approx(2e3 * head["gmac"] / head["ms"])
    outcome = slsc(*words, "--html", page)
    assert "medians of 3 runs under its profiler" in outcome.out
    assert head["what"] in outcome.out
    assert head["what"] in page.read_text()
    assert list(folder.iterdir()) == [], "the profiler's files are gone"


def test_table(slsc: Cli, model_path: Path) -> None:
    outcome = slsc("profile", model_path, "--backend", "onnxruntime", *SMALL)
    lines = outcome.out.splitlines()
    assert lines[1].split()[:7] == ["engine", "backend", "p50", "p90", "p99", "min", "mean"]
    assert lines[3].split()[:2] == ["upscaler", "onnxruntime"]


@native
def test_what_the_native_engine_refuses_is_told_or_an_error(
    slsc: Cli, make_upscaler: Callable[..., onnx.ModelProto], tmp_path: Path
) -> None:
    onnx.save(make_upscaler(op="Cos"), tmp_path / "cosine.onnx")
    outcome = slsc("profile", tmp_path / "cosine.onnx", *SMALL, "--json")
    assert [each["backend"] for each in results(outcome)] == ["onnxruntime"]
    assert "not measured on native" in outcome.err
    assert "activation" in outcome.err, "names the node"
    assert slsc("profile", tmp_path / "cosine.onnx", "--backend", "native", *SMALL).code == 4


def test_refusals(slsc: Cli, bundle: Path, model_path: Path, tmp_path: Path) -> None:
    def code(*words: object) -> int:
        outcome = slsc("profile", *words)
        assert outcome.err.count("\n") == 1, "one line"
        found: int = outcome.code
        return found

    assert code(tmp_path / "none.onnx") == 2
    assert code(bundle, "--backend", "nothing") == 2
    assert code(bundle, "--engine", "nothing") == 2
    assert code(model_path, "--engine", "1-8") == 2
    assert code(bundle, "--size", "12") == 2
    assert code(bundle, "--size", "0x9") == 2
    assert code(bundle, "--repeat", "0") == 2
    assert code(bundle, "--threads", "-1") == 2


def test_without_polygraphy(slsc: Cli, model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("slsc.jobs.profile", "polygraphy"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "polygraphy", None)
    outcome = slsc("profile", model_path, *SMALL, "--backend", "onnxruntime")
    assert outcome.code == 4
    assert "pip install 'slsc[profile]'" in outcome.err


@native
def test_beside_the_dense_network_on_a_page(slsc: Cli, bundle: Path, model_path: Path, tmp_path: Path) -> None:
    page = tmp_path / "profile.html"
    words = ("profile", bundle, "--engine", "1-8", "--against", model_path, "--backend", "native", "--html", page)
    outcome = slsc(*words, *SMALL)
    assert outcome.code == 0, outcome.err
    assert outcome.out.splitlines()[-1] == str(page)
    assert "upscaler on native" in page.read_text()
    found = results(slsc(*words, *SMALL, "--json"))
    assert [each["engine"] for each in found] == ["upscaler", "1-8"]
    assert "compared" not in found[0]
    assert found[1]["times_as_fast"] > 0
    assert slsc("profile", bundle, "--html", tmp_path / "profile.txt", *SMALL).code == 2

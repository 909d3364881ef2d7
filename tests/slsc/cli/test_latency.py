"""Compiling to a time that a device's profile predicts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from slsc.cli.main import main
from slsc.cli.timing_options import latency
from slsc.errors import UsageError
from slsc.runtime.backends.library import library_path
from slsc.search.device_profile import read_profile

pytest.importorskip("polygraphy")

Cli = Callable[..., Any]
pytestmark = pytest.mark.skipif(library_path() is None, reason="the native engine is not built")


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory, make_upscaler: Callable[..., onnx.ModelProto]) -> Path:
    """The profile of the upscaler on this machine."""
    folder = tmp_path_factory.mktemp("device")
    onnx.save(make_upscaler(), folder / "upscaler.onnx")
    words = ("profile", folder / "upscaler.onnx", "-o", folder / "device.json", "--size", "12x16", "--threads", "1")
    assert main([*map(str, words), "--repeat", "2", "-q"]) == 0
    return folder / "device.json"


@pytest.mark.parametrize(("text", "ms"), [("20ms", 20), ("0.02s", 20), ("1.5 s", 1500), (".5ms", 0.5), ("250us", 0.25)])
def test_times(text: str, ms: float) -> None:
    assert latency(text) == ms


@pytest.mark.parametrize("text", ["20", "ms", "0ms", "-1ms", "2h", "1e3ms", "nan s", "9999999s", "20 ms x", "٢ms", ""])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(UsageError, match=r"20ms or 0\.02s"):
        latency(text)


def test_an_engine_within_a_latency(slsc: Cli, model_path: Path, device: Path, tmp_path: Path) -> None:
    profile = read_profile(device)
    asked = f"{(profile.least() + profile.predict({})) / 2:.6f}ms"
    words = ("compile", model_path, "--latency", asked, "--device", device, "--effort", "none", "--range", "0:1")
    outcome = slsc(*words, "--order", "RGB", "-o", tmp_path / "out.slsb", "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    (engine,) = found["engines"]
    assert engine["name"] == f"{latency(asked):g}ms"
    assert engine["predicted_ms"] <= latency(asked) < found["dense"]["predicted_ms"]
    assert found["device"] == profile.in_words()
    times = [point["ms"] for point in found["frontier"]]
    assert times == sorted(times)
    assert times[0] == pytest.approx(profile.least())
    decibels = [point["psnr"] for point in found["frontier"] if point["psnr"] is not None]
    assert decibels == sorted(decibels), "time buys quality"
    told = slsc("inspect", tmp_path / "out.slsb", "--json")
    assert told.code == 0
    run = slsc("profile", tmp_path / "out.slsb", "--size", "12x16", "--threads", "1", "--repeat", "1", "--json")
    assert run.code == 0, run.err


def test_refusals(slsc: Cli, model_path: Path, device: Path, tmp_path: Path) -> None:
    def refused(*words: object) -> tuple[int, str]:
        outcome = slsc("compile", model_path, "--effort", "none", "-o", tmp_path / "out.slsb", *words)
        assert outcome.err.count("\n") == 1, outcome.err
        assert not (tmp_path / "out.slsb").exists()
        return outcome.code, outcome.err

    given = ("--device", device)
    code, text = refused("--latency", "0.000001ms", *given)
    assert code == 3
    assert "or more" in text
    assert refused("--latency", "20ms")[0] == 2
    assert refused("--latency", "20", *given)[0] == 2
    assert refused("--latency", "1s", "--latency", "1000ms", *given)[0] == 2
    assert refused("--latency", "1s", "--method", "uniform", *given)[0] == 2
    assert refused("--latency", "1s", "--pad", "always", *given)[0] == 2
    assert refused("--budget", "1/2", "--method", "filter", *given)[0] == 2
    assert refused("--latency", "1s", "--m", "16", *given)[0] == 2
    assert refused("--latency", "1s", "--precision", "fp16", *given)[0] == 2
    assert refused("--latency", "1s", "--device", "toaster")[0] == 2
    assert refused("--latency", "1s", "--device", tmp_path / "none.json")[0] == 2
    other = tmp_path / "other.json"
    other.write_text(device.read_text().replace('"body"', '"elsewhere"'))
    assert refused("--latency", "1s", "--device", other)[0] == 2


def test_refusals_of_profile(slsc: Cli, bundle: Path, model_path: Path, tmp_path: Path) -> None:
    out = ("-o", tmp_path / "device.json")
    assert slsc("profile", bundle, *out).code == 2
    assert slsc("profile", model_path, "-o", tmp_path / "device.txt").code == 2
    assert slsc("profile", model_path, "--backend", "onnxruntime", *out).code == 2
    assert slsc("profile", model_path, "--per-op", *out).code == 2
    assert slsc("profile", model_path, "--m", "1", *out).code == 2
    assert not (tmp_path / "device.json").exists()

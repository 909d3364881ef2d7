"""`--provider` of every verb that has it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slsc.cli.main import main
from slsc.runtime.backends.ort_providers import PROVIDERS

Cli = Callable[..., Any]
without_cuda = pytest.mark.skipif(PROVIDERS["cuda"].missing() is None, reason="CUDA is installed here")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    from PIL import Image

    path = tmp_path / "photos" / "photo.png"
    path.parent.mkdir()
    Image.new("RGB", (20, 16), "teal").save(path)
    return path


@without_cuda
def test_what_is_missing_exits_4_and_falls_back_only_when_asked(
    slsc: Cli, bundle: Path, photo: Path, tmp_path: Path
) -> None:
    words = ("run", bundle, photo, "-o", tmp_path / "out.png")
    outcome = slsc(*words, "--provider", "cuda")
    assert outcome.code == 4
    assert "pip install 'slsc[gpu]'" in outcome.err
    assert not (tmp_path / "out.png").exists()
    outcome = slsc(*words, "--provider", "cuda,cpu", "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["backend"] == "onnxruntime", "what runs, not what was asked for"
    for others in (
        ("check", bundle, "--provider", "cuda"),
        ("profile", bundle, "--provider", "cuda", "--size", "12x16", "--repeat", "1"),
        ("eval", bundle, "--hr", photo.parent, "--provider", "cuda"),
    ):
        assert slsc(*others).code == 4, others


def test_the_cpu(slsc: Cli, bundle: Path, photo: Path, tmp_path: Path) -> None:
    outcome = slsc("run", bundle, photo, "-o", tmp_path / "out.png", "--provider", "cpu", "--json")
    assert json.loads(outcome.out)["backend"] == "onnxruntime"


@pytest.mark.parametrize(
    "words",
    [
        ("--provider", "gpu"),
        ("--provider", "cpu,cpu"),
        ("--provider", ""),
        ("--provider", "cpu", "--backend", "native"),
    ],
)
def test_usage(words: tuple[str, ...], bundle: Path, photo: Path, tmp_path: Path) -> None:
    assert main(["run", str(bundle), str(photo), "-o", str(tmp_path / "out.png"), *words]) == 2

"""`slsc train` from the command line: a few steps on scikit-image's photos, and everything that can go wrong."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

from slsc.cli.main import main
from slsc.data.calibration import calibration_photos
from slsc.zoo import MODELS


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index, photo in enumerate(calibration_photos(None, 2, 0)):
        Image.fromarray(photo[:160, :160]).save(folder / f"{index}.png")
    return folder


def _train(photos: Path, *more: str) -> int:
    return main(["train", "--data", str(photos), "--batch", "2", "--patch", "16", *more])


def _error(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_trains_exports_and_logs(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "net.onnx"
    assert _train(photos, "--val", str(photos), "--steps", "4", "-o", str(output)) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("compact_x4: 4 steps")
    assert out[-2:] == [str(tmp_path / "net.safetensors"), str(output)]
    x = np.random.default_rng(0).random((1, 3, 9, 12), np.float32)
    (y,) = onnxruntime.InferenceSession(output, providers=["CPUExecutionProvider"]).run(None, {"input": x})
    module = MODELS["compact_x4"].load(tmp_path / "net.safetensors")
    with torch.inference_mode():
        np.testing.assert_allclose(y, module(torch.from_numpy(x)).numpy(), atol=1e-5)
    (row,) = csv.DictReader((tmp_path / "net.csv").open())
    assert row["step"] == "4"
    assert float(row["val_psnr"]) > 10
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.csv", "net.onnx", "net.safetensors", "photos"]


def test_the_same_seed_gives_the_same_network(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert _train(photos, "--steps", "2", "--seed", seed, "-q", "-o", str(tmp_path / f"{name}.onnx")) == 0
    a, b, c = ((tmp_path / f"{name}.safetensors").read_bytes() for name in "abc")
    assert a == b != c
    assert capsys.readouterr().err == ""


def test_json_is_one_object(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _train(photos, "--steps", "1", "--json", "-o", str(tmp_path / "net.onnx")) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["network"], result["steps"], result["exit_code"]) == ("compact_x4", 1, 0)


def test_an_unfinished_run_is_not_overwritten(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.ckpt").write_bytes(b"precious")
    assert _train(photos, "--steps", "1", "-o", str(tmp_path / "net.onnx")) == 2
    assert "--resume" in _error(capsys)
    assert (tmp_path / "net.ckpt").read_bytes() == b"precious"


def test_nothing_to_resume(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _train(photos, "--steps", "1", "--resume", "-o", str(tmp_path / "net.onnx")) == 2
    assert "net.ckpt" in _error(capsys)


def test_unreadable_image_is_named(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (photos / "broken.jpg").write_bytes(b"not a JPEG")
    assert _train(photos, "--steps", "1", "-o", str(tmp_path / "net.onnx")) == 2
    assert "broken.jpg" in _error(capsys)
    assert list(tmp_path.iterdir()) == [photos]


def test_too_small_an_image_is_named_with_its_side(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (200, 60)).save(photos / "thumb.png")
    assert _train(photos, "--steps", "1", "-o", str(tmp_path / "net.onnx")) == 2
    assert "thumb.png: image too small: its smallest side is 60 pixels, a patch takes 64" in _error(capsys)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--steps", "0"], "--steps"),
        (["--hours", "-1"], "--hours"),
        (["--steps", "1", "--lr", "nan"], "--lr"),
        (["--steps", "1", "--batch", "0"], "--batch"),
        (["--steps", "1", "--patch", "-3"], "--patch"),
        (["--steps", "1", "--arch", "vgg"], "compact_x4"),
        (["--steps", "1", "--hours", "1"], "not allowed"),
        ([], "--steps"),
    ],
)
def test_unusable_arguments(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    command = ["train", "--data", str(photos), "-o", str(tmp_path / "net.onnx"), *arguments]
    assert main(command) == 2
    assert message in _error(capsys)


def test_empty_and_missing_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    for folder in ("empty", "missing"):
        assert _train(tmp_path / folder, "--steps", "1", "-o", str(tmp_path / "net.onnx")) == 2
        assert folder in _error(capsys)


def test_divergence_exits_with_one(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _train(photos, "--steps", "200", "--lr", "1e30", "-o", str(tmp_path / "net.onnx")) == 1
    assert "training diverged" in _error(capsys)
    assert not (tmp_path / "net.onnx").exists()

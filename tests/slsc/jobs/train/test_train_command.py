"""`slsc train` from the command line: a few steps on scikit-image's photos, and everything that can go wrong."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image

from slsc.cli.main import main
from slsc.passes.graph import initializers
from slsc.zoo import MODELS


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


def test_muon_moves_the_weights_of_hidden_layers_alone_otherwise(photos: Path, tmp_path: Path) -> None:
    for name in ("adam", "muon"):
        command = ("--steps", "1", "--precision", "32-true", "--optimizer", name, "-o", str(tmp_path / f"{name}.onnx"))
        assert _train(photos, *command) == 0
    adam, muon = (MODELS["compact_x4"].load(tmp_path / f"{name}.safetensors").state_dict() for name in ("adam", "muon"))
    differ = {name for name in adam if not torch.allclose(adam[name], muon[name], rtol=0, atol=1e-7)}
    assert differ == {name for name, value in adam.items() if value.ndim == 4} - {"head.weight"}


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
        (["--steps", "1", "--method", "uniform"], "--budget"),
        (["--steps", "1", "--budget", "1/8"], "leave out --budget"),
        (["--steps", "1", "--method", "sls", "--budget", "1/8", "--refresh", "often"], "--refresh"),
        (["--steps", "1", "--method", "uniform", "--budget", "1/8", "--optimizer", "muon"], "leave out --optimizer"),
        (["--steps", "1", "--ema", "2"], "--ema"),
        (["--steps", "1", "--batch", "3", "--devices", "2"], "--devices"),
        (["--steps", "1", "--range", "0:255"], "--model"),
        (["--steps", "1", "--arch", "unet"], "--pairs"),
        (["--steps", "1", "--motion-blur"], "enlarges 4 times"),
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


def test_a_sparse_network_is_trained_then_packaged_by_its_plan(
    photos: Path, upscaler: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, plan, bundle = (tmp_path / name for name in ("net.onnx", "net.plan.json", "net.slsb"))
    choices = ("--method", "sls", "--budget", "1/2", "--m", "8", "--range", "0:1", "--lr", "1e-4", "--no-priority")
    assert _train(photos, "--model", str(upscaler), "--steps", "4", *choices, "-o", str(output)) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [str(plan), str(output)]
    words = ["--range", "0:1", "--force", "--json", "-o", str(bundle)]
    assert main(["compile", str(output), "--plan", str(plan), *words]) == 0
    (engine,) = json.loads(capsys.readouterr().out)["engines"]
    assert (engine["name"], engine["quality"]["psnr_to_dense"]) == ("1-2", None)
    assert engine["share"] == json.loads(plan.read_text())["kept_share"] <= 0.5
    assert main(["check", str(bundle), "-q"]) == 0
    assert main(["compile", str(upscaler), "--plan", str(plan), *words]) == 2
    assert "break the plan" in _error(capsys)


def test_nested_networks_are_packaged_together(
    photos: Path, upscaler: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, bundle = tmp_path / "net.onnx", tmp_path / "net.slsb"
    budgets = [word for budget in ("1/4", "1", "1/2") for word in ("--budget", budget)]
    choices = ("--method", "nested", *budgets, "--m", "8", "--range", "0:1", "--lr", "1e-4")
    assert _train(photos, "--model", str(upscaler), "--steps", "4", *choices, "-o", str(output)) == 0
    plans = [str(tmp_path / f"net.{name}plan.json") for name in ("1-4.", "1-2.", "")]
    assert set(capsys.readouterr().out.splitlines()[-4:]) == {*plans, str(output)}
    named = [word for plan in plans for word in ("--plan", plan)]
    words = ["--range", "0:1", "--force", "--adaptive", "--json", "-o", str(bundle)]
    assert main(["compile", str(output), *named, *words]) == 0
    engines = json.loads(capsys.readouterr().out)["engines"]
    assert [engine["name"] for engine in engines] == ["1-4", "1-2", "1"]
    shares = [engine["share"] for engine in engines]
    assert shares == sorted(shares) and shares[0] <= 0.25 and shares[-1] == 1
    assert main(["check", str(bundle), "-q"]) == 0
    assert main(["compile", str(output), "--map-2to4", "auto", *named, *words]) == 2
    assert "--map-2to4 does not go with several plans" in _error(capsys)


def test_a_classifier_gives_regions_the_nested_networks(
    photos: Path, upscaler: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, bundle = tmp_path / "net.onnx", tmp_path / "net.slsb"
    budgets = [word for budget in ("1/4", "3/4", "1/2") for word in ("--budget", budget)]
    choices = ("--method", "classpruning", *budgets, "--m", "8", "--range", "0:1", "--lr", "1e-4", "--average", "0.4")
    assert _train(photos, "--model", str(upscaler), "--steps", "4", *choices, "-o", str(output)) == 0
    plans = [str(tmp_path / f"net.{name}plan.json") for name in ("1-4.", "1-2.", "")]
    classes = str(tmp_path / "net.classes.safetensors")
    assert set(capsys.readouterr().out.splitlines()[-5:]) == {classes, *plans, str(output)}
    named = [word for plan in plans for word in ("--plan", plan)]
    words = [*named, "--range", "0:1", "--force", "--json", "-o", str(bundle)]
    assert main(["compile", str(output), "--classes", classes, *words]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [engine["name"] for engine in report["engines"]] == ["1-4", "1-2", "3-4"]
    assert report["estimator"]["budget"] == 0.4
    assert main(["check", str(bundle), "-q"]) == 0
    assert main(["compile", str(output), "--classes", str(output), *words]) == 2
    assert "cannot read the classes" in _error(capsys)


def test_a_plan_or_budgets_but_not_both(upscaler: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["--budget", "1/2", "--plan", str(tmp_path / "p.json")]):
        assert main(["compile", str(upscaler), *words]) == 2
        assert "--plan" in _error(capsys)


def test_pairs_train_a_network_that_keeps_the_size(
    pairs: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [str(folder) for folder in pairs]
    output = tmp_path / "net.onnx"
    words = ["--arch", "unet", "--steps", "1", "--batch", "1", "--patch", "16", "-o", str(output)]
    assert main(["train", "--pairs", *folders, "--val-pairs", *folders, *words]) == 0
    (row,) = csv.DictReader((tmp_path / "net.csv").open())
    assert 1 < float(row["val_psnr"]) < 60


def test_sharp_images_train_a_deblurring_network(
    pairs: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sharp = str(pairs[1])
    output = tmp_path / "net.onnx"
    words = ["--motion-blur", "--arch", "unet", "--steps", "1", "--batch", "1", "--patch", "16", "-o", str(output)]
    assert main(["train", "--data", sharp, "--val", sharp, *words]) == 0
    (row,) = csv.DictReader((tmp_path / "net.csv").open())
    assert 1 < float(row["val_psnr"]) < 60
    assert main(["train", "--pairs", sharp, sharp, *words]) == 2
    assert "--motion-blur goes with --data" in _error(capsys)


def test_pairs_that_do_not_fit_are_named(
    pairs: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noisy, clean = pairs
    words = [
        "train",
        "--pairs",
        str(noisy),
        str(clean),
        "--arch",
        "unet",
        "--steps",
        "1",
        "-o",
        str(tmp_path / "n.onnx"),
    ]
    assert main([*words, "--patch", "80"]) == 2
    assert "0.png: image too small: its smallest side is 64 pixels, a patch takes 80" in _error(capsys)
    Image.new("RGB", (60, 64)).save(noisy / "1.png")
    assert main(words) == 2
    assert "1.png: the pair does not fit the scale" in _error(capsys)
    (clean / "0.png").unlink()
    assert main(words) == 2
    assert "0.png: no image of the same name" in _error(capsys)


def test_tensorboard_gets_the_rows(photos: Path, upscaler: Path, tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    words = ("--model", str(upscaler), "--range", "0:1", "--steps", "2", "-q", "--log", "tensorboard")
    assert _train(photos, *words, "-o", str(tmp_path / "net.onnx")) == 0
    events = accumulator.EventAccumulator(str(tmp_path / "net.tensorboard")).Reload()
    assert {"l1", "learning_rate", "seconds"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("l1")] == [2]
    assert not (tmp_path / "net.csv").exists()


def test_weights_of_the_zoo_are_taken_up_and_the_mean_colour_stays(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "a.onnx", tmp_path / "b.onnx"
    arch = ("--arch", "edsr_8b64f_x2", "--steps", "1", "-q")
    assert _train(photos, *arch, "-o", str(first)) == 0
    weights = ("--weights", str(tmp_path / "a.safetensors"))
    assert _train(photos, *arch, *weights, "--lr", "1e-12", "-o", str(second)) == 0
    one, two = (initializers(onnx.load(path)) for path in (first, second))
    assert all(np.allclose(one[name], two[name], atol=1e-9) for name in one)
    fresh = dict(MODELS["edsr_8b64f_x2"].build().named_parameters())
    frozen = [name for name, value in fresh.items() if not value.requires_grad]
    assert frozen
    assert all(np.array_equal(one[name], fresh[name].detach().numpy()) for name in frozen)
    assert _train(photos, "--arch", "compact_x4", "--steps", "1", *weights, "-o", str(second)) == 2
    assert "another network" in _error(capsys)


def test_without_tensorboard_it_is_named_before_anything_is_read(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    (photos / "broken.jpg").write_bytes(b"not a JPEG")
    words = ("--steps", "1", "--log", "tensorboard", "-o", str(tmp_path / "net.onnx"))
    assert _train(photos, *words) == 4
    assert "pip install 'slsc[tensorboard]'" in _error(capsys)


@pytest.mark.parametrize("how", ["itself", "symlink_to", "hardlink_to"])
def test_the_source_is_never_replaced(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    source = tmp_path / "net.onnx"
    source.write_bytes(b"not even looked into")
    target = source if how == "itself" else tmp_path / "out.onnx"
    if target != source:
        getattr(target, how)(source)
    assert _train(photos, "--model", str(source), "--steps", "1", "-o", str(target)) == 2
    assert "replace its own source" in _error(capsys)
    assert source.read_bytes() == b"not even looked into"
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"mine")
    assert _train(photos, "--weights", str(weights), "--steps", "1", "-o", str(tmp_path / "w.onnx")) == 2
    assert "replace its own source" in _error(capsys) and weights.read_bytes() == b"mine"


def test_what_is_assumed_of_the_network_is_said_before_training(
    photos: Path, upscaler: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    choices = ("--steps", "200", "--lr", "1e30", "--order", "RGB")
    assert _train(photos, "--model", str(upscaler), *choices, "-o", str(tmp_path / "net.onnx")) == 1
    said = capsys.readouterr().err
    assert said.index("slsc: warning: range: ") < said.index("training diverged")

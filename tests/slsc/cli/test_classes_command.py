"""ClassPruning end to end: nested networks and their classifier, from `slsc compile` to restored photos."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

from slsc.errors import BundleError, UsageError
from slsc.runtime.bundle.estimators import CLASSES
from slsc.runtime.bundle.reader import open_bundle
from slsc.runtime.session import Session

HW = (72, 120)
NAMES = ("1-4", "1-2", "3-4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, upscaler_model: onnx.ModelProto) -> Path:
    """Photos, a network, a photo that is flat on the left, and the bundle of a few steps' training."""
    from skimage import data

    from slsc.cli.main import main
    from slsc.jobs.compile import efforts
    from slsc.search.effort import Effort
    from slsc.search.sls.settings import FAST
    from slsc.trainer.schedule import Horizon, Schedule
    from slsc.trainer.settings import TrainSettings

    folder = tmp_path_factory.mktemp("classes")
    (folder / "photos").mkdir()
    for index, image in enumerate((data.astronaut(), data.coffee(), data.chelsea())):
        Image.fromarray(image[40:200, 100:300]).save(folder / "photos" / f"{index}.png")
    pixels = np.full((*HW, 3), 120, np.uint8)
    pixels[:, HW[1] // 2 :] = np.random.default_rng(1).integers(0, 256, (HW[0], HW[1] // 2, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "photo.png")
    onnx.save(upscaler_model, folder / "upscaler.onnx")
    few = Effort(TrainSettings(Horizon(steps=6), batch=2, schedule=Schedule(1e-3, warmup=0)), FAST)
    words = ["compile", folder / "upscaler.onnx", *NETWORKS, "--average", "0.5", "--data", folder / "photos",
             "--range", "0:1", "--order", "RGB", "-q", "-o", folder / "net.slsb"]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(efforts.EFFORTS, "fast", few)
        assert main([str(word) for word in words]) == 0
    return folder


NETWORKS = ("--method", "classpruning", "--budget", "3/4", "--budget", "1/4", "--budget", "1/2")


def test_one_set_of_weights_holds_all_networks(folder: Path) -> None:
    bundle = open_bundle(folder / "net.slsb")
    manifest = bundle.manifest
    record = manifest.estimator
    assert record is not None and record.kind == CLASSES and record.candidates == NAMES
    assert [engine.name for engine in manifest.engines] == ["3-4"]
    assert {each.name for each in manifest.candidates} == {*NAMES, "bicubic"}
    assert set(manifest.entries) == {"engines/3-4.onnx", "engines/ladder.nmp", record.entry}
    assert manifest.engines[0].artefacts["native"].entry == record.artefacts["native"].entry
    assert {"cost", "loss_db", "oracle_loss_db"} == record.quality.keys()
    assert record.budget == 0.5


def test_photos_are_restored_by_class_unasked(slsc: Callable[..., Any], folder: Path, tmp_path: Path) -> None:
    target, drawn = tmp_path / "out.png", tmp_path / "map.png"
    done = slsc("run", folder / "net.slsb", folder / "photo.png", "-o", target, "--map", drawn, "--json")
    assert done.code == 0, done.err
    choice = json.loads(done.out)["images"][0]["choice"]
    assert list(choice["shares"]) == list(NAMES) and sum(choice["shares"].values()) == pytest.approx(1)
    assert choice["estimated_loss"] is None and drawn.exists()
    with Image.open(target) as restored:
        assert restored.size == (2 * HW[1], 2 * HW[0])


def test_every_class_alone_is_its_network(folder: Path) -> None:
    pixels = np.asarray(Image.open(folder / "photo.png"))
    with Session(folder / "net.slsb", engine="3-4") as session:
        largest = session.restore(pixels)
    with Session(folder / "net.slsb") as session:
        shape = session.choose(pixels).map.shape
        alone = [session.restore(pixels, map=np.full(shape, index, np.uint8)) for index in range(3)]
    assert np.array_equal(alone[2], largest)
    assert not np.array_equal(alone[0], alone[1]) and not np.array_equal(alone[1], alone[2])


def test_a_budget_is_kept(folder: Path) -> None:
    pixels = np.asarray(Image.open(folder / "photo.png"))
    with Session(folder / "net.slsb") as session:
        manifest = session.manifest
        least, most = (manifest.cost(name) for name in ("1-4", "3-4"))
        for budget in np.linspace(least, most, 5):
            session.configure(budget=float(budget))
            assert session.choose(pixels).cost <= budget + 1e-9
        assert session.choose(pixels).cost > least


@pytest.mark.parametrize("wish", [{"beta": 0.1}, {"quality": 0.1}])
def test_what_needs_estimated_errors_is_refused(folder: Path, wish: dict[str, float]) -> None:
    pixels = np.asarray(Image.open(folder / "photo.png"))
    with Session(folder / "net.slsb", **wish) as session, pytest.raises(UsageError, match="weighs estimated errors"):
        session.restore(pixels)


def test_other_backends_run_the_largest_or_say_why_not(folder: Path) -> None:
    pixels = np.asarray(Image.open(folder / "photo.png"))
    with pytest.raises(UsageError, match="cannot choose by region"):
        Session(folder / "net.slsb", backend="onnxruntime")
    made = []
    for backend in ("onnxruntime", "native"):
        with Session(folder / "net.slsb", backend=backend, engine="3-4") as session:
            made.append(session.restore(pixels).astype(int))
    assert np.abs(made[0] - made[1]).max() <= 1
    with pytest.raises(UsageError, match="3-4"):
        Session(folder / "net.slsb", engine="1-4")


def test_a_changed_classifier_is_refused(folder: Path, tmp_path: Path) -> None:
    data = bytearray((folder / "net.slsb").read_bytes())
    entry = open_bundle(folder / "net.slsb").read("estimators/classes.f32")
    at = data.index(entry)
    data[at : at + 4] = b"\x00\x00\xc0\x7f"
    (tmp_path / "changed.slsb").write_bytes(data)
    with pytest.raises(BundleError):
        Session(tmp_path / "changed.slsb")


def test_the_sweep_tells_what_classes_cost_and_restore(slsc: Callable[..., Any], folder: Path, tmp_path: Path) -> None:
    done = slsc("eval", folder / "net.slsb", "--hr", folder / "photos", "--sweep", tmp_path / "sweep.md", "--json")
    assert done.code == 0, done.err
    rows = [
        line.split(" | ")[0].strip("| ") for line in (tmp_path / "sweep.md").read_text().splitlines() if "|" in line
    ]
    assert rows.count("fixed") == 3 and rows.count("classes") == 1 and "beta" not in rows
    assert slsc("check", folder / "net.slsb").code == 0


def test_evaluation_tells_what_photos_cost(slsc: Callable[..., Any], folder: Path) -> None:
    done = slsc("eval", folder / "net.slsb", "--hr", folder / "photos", "--json")
    assert done.code == 0, done.err
    told, manifest = json.loads(done.out), open_bundle(folder / "net.slsb").manifest
    costs = [image["cost"] for image in told["images"]]
    assert all(manifest.cost("1-4") <= cost <= manifest.cost("3-4") for cost in costs)
    assert told["mean"]["cost"] == pytest.approx(np.mean(costs))
    assert "of dense MACs" in slsc("eval", folder / "net.slsb", "--hr", folder / "photos").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--method", "classpruning", "--budget", "1/4"], "several budgets"),
        ([*NETWORKS, "--adaptive"], "--adaptive"),
        ([*NETWORKS, "--precision", "int8"], "--precision"),
        ([*NETWORKS, "--average", "7/8"], "cannot cost"),
        ([*NETWORKS, "--map-2to4", "auto"], "nested networks"),
        ([*NETWORKS, "--effort", "none"], "is training"),
        (["--budget", "1/4", "--average", "1/8"], "--average goes with"),
        (["--budget", "1/4", "--classes", "x.safetensors"], "--classes goes with plans"),
    ],
)
def test_choices_that_do_not_go_together(
    slsc: Callable[..., Any], folder: Path, tmp_path: Path, words: list[str], message: str
) -> None:
    known = ("--range", "0:1", "--order", "RGB", "--data", folder / "photos")
    done = slsc("compile", folder / "upscaler.onnx", *words, *known, "-o", tmp_path / "net.slsb")
    assert done.code == 2 and message in done.err and not (tmp_path / "net.slsb").exists()

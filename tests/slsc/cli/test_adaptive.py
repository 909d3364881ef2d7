"""Bundles that choose by region, from `slsc compile --adaptive` to the picture of what was chosen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

from slsc.errors import UsageError
from slsc.runtime.bundle.reader import open_bundle
from slsc.runtime.image.resample import imresize
from slsc.runtime.session import Session

HW = (72, 100)


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A flat left half, noise on the right."""
    pixels = np.full((*HW, 3), 120, np.uint8)
    pixels[:, HW[1] // 2 :] = np.random.default_rng(1).integers(0, 256, (HW[0], HW[1] - HW[1] // 2, 3), np.uint8)
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture(scope="module")
def adaptive(tmp_path_factory: pytest.TempPathFactory, upscaler_model: onnx.ModelProto) -> Path:
    from skimage import data

    from slsc.cli.main import main

    folder = tmp_path_factory.mktemp("adaptive")
    photos = folder / "photos"
    photos.mkdir()
    for index, image in enumerate((data.astronaut(), data.coffee(), data.chelsea(), data.rocket())):
        Image.fromarray(image[40:296, 100:420]).save(photos / f"{index}.png")
    onnx.save(upscaler_model, folder / "upscaler.onnx")
    words = ("compile", folder / "upscaler.onnx", "--budget", "1/4", "--adaptive", "--effort", "none", "-q",
             "--data", photos, "--range", "0:1", "--order", "RGB", "-o", folder / "upscaler.slsb")  # fmt: skip
    assert main([str(word) for word in words]) == 0
    return folder / "upscaler.slsb"


def test_a_ladder_around_the_budget_is_made_with_what_costs_nothing(adaptive: Path) -> None:
    manifest = open_bundle(adaptive).manifest
    assert [engine.name for engine in manifest.engines] == ["1-4", "1-2", "1-8"]
    record = manifest.estimator
    assert record is not None and record.artefacts.keys() == {"native"}
    assert record.candidates == ("bicubic", "1-8", "1-4", "1-2")
    assert record.budget == 0.25 and record.dense
    assert {"rank_correlation", "bias_db", "gain_db", "oracle_gain_db"} <= record.quality.keys()
    assert record.quality["rank_correlation"] > 0.5


def test_run_chooses_tells_and_draws(slsc: Callable[..., Any], adaptive: Path, photo: Path, tmp_path: Path) -> None:
    target, drawn = tmp_path / "out.png", tmp_path / "map.png"
    done = slsc("run", adaptive, photo, "-o", target, "--budget", "1/4", "--map", drawn, "--json")
    assert done.code == 0
    told = json.loads(done.out)
    choice = told["images"][0]["choice"]
    assert told["engine"] is None and told["artefacts"] == [str(drawn), str(target)]
    assert choice["met"] and 0 <= choice["cost"] <= 0.25 + 1e-9 and choice["run_cost"] >= 0
    assert sum(choice["shares"].values()) == pytest.approx(1)
    with Image.open(drawn) as picture:
        assert picture.width >= HW[1] and picture.height > HW[0]
    with Image.open(target) as restored:
        assert restored.size == (2 * HW[1], 2 * HW[0])


def test_an_engine_everywhere_is_what_it_was(
    slsc: Callable[..., Any], adaptive: Path, photo: Path, tmp_path: Path
) -> None:
    assert slsc("run", adaptive, photo, "-o", tmp_path / "a.png", "--engine", "1-2").code == 0
    assert slsc("run", adaptive, photo, "-o", tmp_path / "b.png", "--engine", "1-2", "--tile", "40").code == 0
    with Image.open(tmp_path / "a.png") as one, Image.open(tmp_path / "b.png") as other:
        assert np.abs(np.asarray(one).astype(int) - np.asarray(other)).max() <= 1


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--beta", "-1"), 2, "beta"),
        (("--beta", "nan"), 2, "beta"),
        (("--budget", "0"), 2, "budget"),
        (("--time-budget", "-3"), 2, "time-budget"),
        (("--beta", "1", "--quality", "0.1"), 2, "different things"),
        (("--beta", "1", "--engine", "1-4"), 2, "nothing to choose"),
        (("--engine", "1-4", "--map", "map.png"), 2, "no map"),
        (("--map", "map.txt"), 2, ".png"),
        (("--quality", "0", "--strict", "--budget", "1/8"), 2, "different things"),
    ],
)
def test_what_means_nothing_is_refused(
    slsc: Callable[..., Any],
    adaptive: Path,
    photo: Path,
    tmp_path: Path,
    words: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    done = slsc("run", adaptive, photo, "-o", tmp_path / "out.png", *words)
    assert done.code == code and message in done.err and not (tmp_path / "out.png").exists()


def test_what_cannot_be_met_is_said_or_refused(
    slsc: Callable[..., Any], adaptive: Path, photo: Path, tmp_path: Path
) -> None:
    words = ("run", adaptive, photo, "-o", tmp_path / "out.png", "--time-budget", "0", "--engine")
    words = words[:-1]
    relaxed = slsc(*words, "--backend", "onnxruntime")
    assert relaxed.code == 0
    strict = slsc("run", adaptive, photo, "-o", tmp_path / "no.png", "--time-budget", "0", "--strict")
    assert strict.code in (0, 3)  # nothing at all costs no time
    assert (strict.code == 0) == (tmp_path / "no.png").exists()


def test_bundles_without_estimator_say_what_to_do(
    slsc: Callable[..., Any], bundle: Path, photo: Path, tmp_path: Path
) -> None:
    done = slsc("run", bundle, photo, "-o", tmp_path / "out.png", "--beta", "1")
    assert done.code == 2 and "--adaptive" in done.err


def test_a_map_serves_for_the_next_image(adaptive: Path) -> None:
    rng = np.random.default_rng(3)
    first, second = (rng.integers(0, 256, (*HW, 3), np.uint8) for _ in range(2))
    with Session(adaptive, budget=0.25, threads=1) as session:
        choice = session.choose(first)
        session.restore(second, map=choice.map)
        assert session.choice is not None and np.array_equal(session.choice.map, choice.map)
        for wrong in (choice.map[:-1], choice.map + len(choice.candidates), choice.map.astype(float)):
            with pytest.raises(UsageError, match="map"):
                session.restore(first, map=wrong)
    with Session(adaptive, engine="1-4", threads=1) as session:
        assert session.choice is None and not session.adaptive
        with pytest.raises(UsageError, match="one engine"):
            session.restore(first, map=choice.map)


@pytest.mark.parametrize("tile", [None, 48])
def test_what_is_left_out_is_enlarged_and_the_rest_as_it_is(adaptive: Path, photo: Path, tile: int | None) -> None:
    image = np.asarray(Image.open(photo))
    with Session(adaptive, threads=1, tile=tile, backend="native") as session:
        names = session.manifest.estimator.candidates  # type: ignore[union-attr]
        some = np.zeros((3, 4), np.uint8)
        some[:, 2:] = len(names) - 1
        mixed = session.restore(image, map=some).astype(int)
        assert session.choice is not None and session.choice.shares[0] == pytest.approx(64 / 100)
        assert session.choice.run_cost > session.choice.cost
        around = session.restore(image, map=np.maximum(some, 1))
        free = session.restore(image, map=np.zeros_like(some))
    border = 2 * 64
    assert np.abs(mixed[:, : border - 4] - free[:, : border - 4]).max() <= 1
    assert np.abs(mixed[:, border + 4 :] - around[:, border + 4 :]).max() <= 1
    unit = image.astype(np.float32) / 255
    expected = imresize(unit, (2 * HW[0], 2 * HW[1]), round_passes=False).clip(0, 1) * 255
    assert np.abs(free - expected).max() <= 1


def test_the_dearest_everywhere_is_that_engine(adaptive: Path) -> None:
    image = np.random.default_rng(4).integers(0, 256, (*HW, 3), np.uint8)
    with Session(adaptive, threads=1) as session, Session(adaptive, engine="1-2", threads=1) as fixed:
        choice = session.choose(image)
        every = np.full_like(choice.map, len(choice.candidates) - 1)
        difference = session.restore(image, map=every).astype(int) - fixed.restore(image)
    assert np.abs(difference).max() <= 1


def test_quality_asks_for_no_more_than_it_needs(adaptive: Path) -> None:
    image = np.random.default_rng(4).integers(0, 256, (*HW, 3), np.uint8)
    with Session(adaptive, threads=1) as session:
        costs = []
        for loss in (0.0, 0.5, 50.0):
            session.configure(quality=loss)
            found = session.choose(image)
            costs.append(found.cost)
            assert not found.met or found.loss <= loss + 1e-6
        session.configure(quality=None, beta=0.0)
        assert session.choose(image).cost >= costs[0] - 1e-9
    assert costs == sorted(costs, reverse=True)


def test_in_tiles_of_another_backend_what_costs_nothing_serves_too(
    slsc: Callable[..., Any], adaptive: Path, photo: Path, tmp_path: Path
) -> None:
    words = ("run", adaptive, photo, "-o", tmp_path / "out.png", "--backend", "onnxruntime", "--beta", "1000", "--json")
    done = slsc(*words, "--map", tmp_path / "map.png")
    choice = json.loads(done.out)["images"][0]["choice"]
    assert done.code == 0 and choice["shares"]["bicubic"] == 1 and choice["cost"] == choice["run_cost"] == 0


@pytest.mark.parametrize("backend", ["native", "onnxruntime"])
def test_a_map_gives_the_same_picture_whole_and_in_tiles(adaptive: Path, backend: str) -> None:
    rng = np.random.default_rng(6)
    image = rng.integers(0, 256, (*HW, 3), np.uint8)
    found = []
    for tile in (None, 40):
        with Session(adaptive, backend=backend, threads=1, exact=True, tile=tile) as session:
            choice = session.choose(image)
            every = np.arange(choice.map.size, dtype=np.uint8).reshape(choice.map.shape)
            found.append(session.restore(image, map=every % len(choice.candidates)))
    assert np.abs(found[0].astype(int) - found[1]).max() <= 1


def test_a_sweep_compares_all_ways(slsc: Callable[..., Any], adaptive: Path, tmp_path: Path) -> None:
    from skimage import data

    (tmp_path / "hr").mkdir()
    Image.fromarray(data.astronaut()[:96, 100:260]).save(tmp_path / "hr" / "a.png")
    page = tmp_path / "sweep.md"
    done = slsc("eval", adaptive, "--hr", tmp_path / "hr", "--sweep", page, "--threads", "1", "--json")
    assert done.code == 0
    points = json.loads(done.out)["points"]
    kinds = ("fixed", "beta", "budget", "time", "oracle")
    of = {kind: [point for point in points if point["kind"] == kind] for kind in kinds}
    assert [len(of[kind]) for kind in ("fixed", "beta", "time")] == [len(open_engines(adaptive, of)), 11, 9]
    assert len(of["budget"]) == len(of["oracle"]) > 3
    assert all(abs(point["above_line"]) < 1e-9 for point in of["fixed"])
    for guessed, known in zip(of["budget"], of["oracle"], strict=True):
        assert guessed["setting"] == known["setting"] and known["cost"] <= float(known["setting"]) + 1e-4
    rows = (tmp_path / "sweep.csv").read_text().splitlines()
    assert len(rows) == 1 + len(points) and page.read_text().count("| beta |") == 11


def open_engines(adaptive: Path, of: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Names of the fixed candidates, all of which the bundle has."""
    names = [point["setting"] for point in of["fixed"]]
    record = open_bundle(adaptive).manifest.estimator
    assert record is not None and set(record.engines) <= set(names) <= set(record.candidates)
    return names


@pytest.mark.parametrize("words", [("--noise", "5"), ("--engine", "1-4"), ("--lpips",)])
def test_what_does_not_go_with_a_sweep_is_refused(
    slsc: Callable[..., Any], adaptive: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = slsc("eval", adaptive, "--hr", tmp_path, "--sweep", tmp_path / "sweep.md", *words)
    assert done.code == 2 and words[0] in done.err


@pytest.mark.parametrize("words", [("--precision", "int8", "--budget", "1/8"), ("--plan", "x.plan.json")])
def test_ladders_of_other_types_or_of_a_plan_are_refused(
    slsc: Callable[..., Any], model_path: Path, words: tuple[str, ...]
) -> None:
    done = slsc("compile", model_path, "--adaptive", *words)
    assert done.code == 2 and "--adaptive" in done.err

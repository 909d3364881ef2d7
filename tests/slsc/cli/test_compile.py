"""`slsc compile`: what it makes, what it says, and that nothing is left behind when it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from PIL import Image

from slsc.passes.graph import initializers
from slsc.pattern import first_2to4_violation, first_violation
from slsc.runtime.bundle.engines import Candidate
from slsc.runtime.bundle.reader import open_bundle
from slsc.runtime.bundle.value_range import ValueRange


def test_a_bundle_holds_an_engine_for_each_budget_within_it(bundle):
    manifest = open_bundle(bundle).manifest
    assert [engine.name for engine in manifest.engines] == ["1-8", "1-2"]
    assert (manifest.io.scale, manifest.io.task, manifest.io.order) == (2, "sr", "RGB")
    assert manifest.io.input_range == manifest.io.output_range == ValueRange.uniform(0, 1)
    assert manifest.tile.receptive_field == 3 and manifest.tile.exact
    for engine, budget in zip(manifest.engines, (1 / 8, 1 / 2), strict=True):
        assert budget / 2 < engine.kept_share <= budget
        assert engine.kept_weights < engine.params
    low, high = (engine.quality["psnr_to_dense"] for engine in manifest.engines)
    assert 20 < low < high


def test_a_bundle_says_what_a_tile_can_be_given(bundle):
    manifest = open_bundle(bundle).manifest
    *engines, bicubic = manifest.candidates
    assert bicubic == Candidate("bicubic", 0.0, {})
    assert [candidate.name for candidate in engines] == ["1-8", "1-2"]
    for candidate, engine in zip(engines, manifest.engines, strict=True):
        # Head and tail, which are kept whole, count here and not in the share.
        assert engine.kept_share < candidate.cost < 1
        assert candidate.quality == {"psnr_y": engine.quality["psnr_y"]}


def test_the_weights_on_disk_keep_the_pattern_and_the_rest_of_the_graph_is_the_models(slsc, model_path, make_upscaler):
    done = slsc("compile", model_path, "--budget", "1/4", "--effort", "none", "--rule", "magnitude+2:4", "-q",
                "-o", model_path.with_suffix(".slsb"))  # fmt: skip
    assert (done.code, done.err) == (0, "")
    made = open_bundle(model_path.with_suffix(".slsb"))
    engine = made.manifest.engines[0]
    graph = onnx.load_model_from_string(made.read(engine.onnx))
    weights = initializers(graph)
    for layer in engine.plan.layers:
        assert first_violation(weights[layer.name], layer.n, layer.m) is None
        assert layer.n > 16 or first_2to4_violation(weights[layer.name]) is None
    assert sorted(node.name for node in graph.graph.node) == sorted(node.name for node in make_upscaler().graph.node)


@pytest.mark.parametrize("precision", ["float32", "auto"])
def test_the_same_seed_gives_the_same_bytes(slsc, model_path, tmp_path, precision):
    words = ("compile", model_path, "--budget", "25%", "--effort", "none", "--precision", precision, "-q", "-o")
    paths = [tmp_path / "first.slsb", tmp_path / "second.slsb"]
    assert [slsc(*words, path).code for path in paths] == [0, 0]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_report_ends_with_the_path(slsc, model_path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = slsc("compile", model_path, "--budget", "1/4", "--effort", "none", "--method", "uniform", "--range", "0:1")
    assert done.code == 0
    assert done.out.splitlines()[-1] == "upscaler.slsb"
    for words in ("scale: x2", "range: 0..1 (given", "halo", "dense", "1-4", "PSNR-Y", "dB to dense"):
        assert words in done.out


def test_json_is_one_object_with_the_figures(slsc, model_path):
    output = model_path.with_suffix(".slsb")
    done = slsc("compile", model_path, "--budget", "1/2", "--effort", "none", "--json", "-o", output)
    answer = json.loads(done.out)
    assert answer["artefacts"] == [str(output)]
    assert answer["probe"]["io"]["scale"] == 2
    assert answer["engines"][0]["share"] <= 0.5 < answer["dense"]["share"]


def test_both_shares_are_told_and_a_budget_out_of_reach_is_warned_of(slsc, model_path, tmp_path):
    """The head is not pruned: little beside half of the rest, most of the network beside a 32nd."""
    words = ("compile", model_path, "--budget", "1/2", "--budget", "1/32", "--effort", "none", "--method", "uniform")
    done = slsc(*words, "--range", "0:1", "-o", tmp_path / "net.slsb", "--json")
    answer = json.loads(done.out)
    half, least = answer["engines"]
    head, rest = 9 * 3 * 32, 9 * 32 * (32 + 12)
    for engine in (half, least):
        assert engine["share_of_all"] == pytest.approx((engine["share"] * rest + head) / (rest + head))
    assert half["share_of_all"] < 2 * half["budget"] and least["share_of_all"] > 2 * least["budget"]
    assert "engine 1-32 keeps 9% of all" in done.err and "engine 1-2" not in done.err
    assert [f"slsc: warning: {text}" for text in answer["warnings"]] == done.err.splitlines()


def test_pairs_are_the_truth(slsc, model_path, tmp_path):
    """Bicubic enlargements are restored best by bicubic."""
    rng = np.random.default_rng(0)
    for folder in ("low", "high"):
        (tmp_path / folder).mkdir()
    for index in range(3):
        image = Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8))
        image.save(tmp_path / "low" / f"{index}.png")
        image.resize((128, 128), Image.Resampling.BICUBIC).save(tmp_path / "high" / f"{index}.png")
    words = ("compile", model_path, "--budget", "1/2", "--effort", "none", "-o", tmp_path / "out.slsb", "--pairs")
    done = slsc(*words, tmp_path / "low", tmp_path / "high")
    assert done.code == 3 and "the network restores nothing" in done.err and "held-out pairs" in done.err
    assert not (tmp_path / "out.slsb").exists()
    done = slsc(*words, tmp_path / "low", tmp_path / "high", "--force")
    assert done.code == 0 and "warning: the network restores nothing" in done.err
    refused = slsc(*words, tmp_path / "high", tmp_path / "low")
    assert refused.code == 2 and "x2 makes 256x256" in refused.err


def save(model: onnx.ModelProto, path: Path) -> None:
    onnx.save(model, path)


def dynamic_weights(model: onnx.ModelProto) -> None:
    """The body's weight becomes a product of the image's mean."""
    nodes = list(model.graph.node)
    mean = helper.make_node("GlobalAveragePool", ["a"], ["mean"], "pool")
    one = helper.make_node("ReduceMean", ["mean"], ["scalar"], "reduce", keepdims=0)
    scaled = helper.make_node("Mul", ["body", "scalar"], ["scaled"], "modulate")
    nodes[2].input[1] = "scaled"
    del model.graph.node[:]
    model.graph.node.extend([nodes[0], mean, one, scaled, *nodes[1:]])


def unsupported_op(model: onnx.ModelProto) -> None:
    model.graph.node[1].op_type = "Det"


def foreign_op(model: onnx.ModelProto) -> None:
    model.graph.node[1].op_type, model.graph.node[1].domain = "Frobnicate", "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [(dynamic_weights, "body"), (foreign_op, "Frobnicate"), (unsupported_op, "activation")],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_networks_that_are_refused_by_node(slsc, model_path, make_upscaler, spoil, says):
    model = make_upscaler()
    spoil(model)
    save(model, model_path)
    refused(slsc, model_path, says)


def refused(slsc, path: Path, says: str, *words: str, code: int = 2) -> None:
    """A compilation ends in one line that says `says`, the exit code, and no new file."""
    before = sorted(path.parent.iterdir())
    done = slsc("compile", path, "--effort", "none", "-o", path.parent / "out.slsb", *(words or ("--budget", "1/4")))
    assert done.code == code, done.err
    assert done.out == ""
    assert done.err.startswith("slsc: error: ") and done.err.count("\n") == 1
    assert says in done.err
    assert sorted(path.parent.iterdir()) == before


def test_a_truncated_file(slsc, model_path):
    model_path.write_bytes(model_path.read_bytes()[:-1000])
    refused(slsc, model_path, "truncated")


def test_a_file_that_is_not_onnx(slsc, model_path):
    model_path.write_text("a photo of a cat")
    refused(slsc, model_path, "not an ONNX model")


def test_a_missing_file(slsc, tmp_path):
    refused(slsc, tmp_path / "nope.onnx", "no such file")


def test_no_prunable_layer(slsc, model_path, make_upscaler):
    save(make_upscaler(width=4), model_path)
    refused(slsc, model_path, "no layer can be pruned")


def test_wrong_channel_count(slsc, model_path, make_upscaler):
    save(make_upscaler(channels=4), model_path)
    refused(slsc, model_path, "4 channels")


def test_a_budget_out_of_reach_names_the_nearest(slsc, model_path):
    refused(slsc, model_path, "use --budget 0.0313 or more", "--budget", "1/100", code=3)


@pytest.mark.parametrize("budget", ["0", "-1/8", "1.01", "eight"])
def test_a_budget_that_is_none(slsc, model_path, budget):
    refused(slsc, model_path, "budget", f"--budget={budget}")


def test_a_budget_given_twice(slsc, model_path):
    refused(slsc, model_path, "twice", "--budget", "1/8", "--budget", "0.125")


def test_an_empty_folder(slsc, model_path, tmp_path):
    (tmp_path / "empty").mkdir()
    refused(slsc, model_path, "no image in the folder", "--budget", "1/4", "--data", tmp_path / "empty")


def test_an_unreadable_image(slsc, model_path, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnot really")
    refused(slsc, model_path, "broken.png", "--budget", "1/4", "--data", tmp_path / "photos")


def test_a_missing_folder(slsc, model_path, tmp_path):
    refused(slsc, model_path, "does not exist", "--budget", "1/4", "--data", tmp_path / "nope")


@pytest.mark.parametrize(
    ("output", "says"), [("out.zip", ".slsb"), ("nope/out.slsb", "folder does not exist"), ("here.slsb", "is a folder")]
)
def test_an_output_that_cannot_be_is_refused_before_the_work(slsc, model_path, tmp_path, output, says):
    (tmp_path / "here.slsb").mkdir()
    done = slsc("compile", model_path, "--budget", "1/4", "-o", tmp_path / output)
    assert done.code == 2 and says in done.err


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (("--scale", "3"), "2"),
        (("--order", "Y"), "3 channels"),
        (("--range", "1:0"), "ascending"),
        (("--m", "1"), "2..256"),
    ],
)
def test_overrides_that_contradict_the_network(slsc, model_path, option, says):
    refused(slsc, model_path, says, "--budget", "1/4", *option)


@pytest.mark.parametrize("how", ["itself", "symlink_to", "hardlink_to"])
def test_the_source_is_never_replaced(slsc, model_path, tmp_path, how):
    source = model_path.rename(tmp_path / "network.slsb")  # a network is told by its content
    target = source if how == "itself" else tmp_path / "out.slsb"
    if target != source:
        getattr(target, how)(source)
    before = source.read_bytes()
    done = slsc("compile", source, "--budget", "1/4", "--effort", "none", "-o", target)
    assert done.code == 2 and "replace its own source" in done.err
    assert source.read_bytes() == before

"""`--map-2to4`, `--pad` and `--require-2to4`: what is written fits, by Polygraphy's word too, or nothing is written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from slsc.passes import verify
from slsc.passes.weights import weight_values
from slsc.pattern import first_2to4_violation
from slsc.runtime.bundle.reader import open_bundle

COMPILE = ("--effort", "none", "--range", "0:1", "--order", "RGB")


def engine_of(path: Path) -> onnx.ModelProto:
    bundle = open_bundle(path)
    return onnx.load_model_from_string(bundle.read(bundle.manifest.engines[0].onnx))


def fitting(model: onnx.ModelProto) -> set[str]:
    """The weights that Polygraphy's `inspect sparsity` finds 2:4."""
    sparse = pytest.importorskip("polygraphy.tools.sparse")
    pruner = sparse.SparsityPruner(model)
    pruner.check()
    return set(pruner.sparse_tensors)


def must_fit(layers: list[dict]) -> set[str]:
    """Those of a mapped engine's layers that keep at most half."""
    return {layer["name"] for layer in layers if 2 * layer["n"] <= layer["m"]}


def test_required_layers_fit(slsc, model_path, tmp_path):
    words = ("compile", model_path, "--budget", "1/8", *COMPILE, "--map-2to4", "require", "-o", tmp_path / "m.slsb")
    answer = json.loads(slsc(*words, "--json").out)
    assert answer["exit_code"] == 0, answer
    bound = must_fit(answer["hardware"]["layers"]["1-8"])
    assert bound and bound <= fitting(engine_of(tmp_path / "m.slsb"))
    assert slsc("inspect", tmp_path / "m.slsb", "--require-2to4").code == 0


def test_a_plain_bundle_is_not_said_to_fit(slsc, bundle):
    done = slsc("inspect", bundle, "--require-2to4", "--json")
    answer = json.loads(done.out)
    assert done.code == answer["exit_code"] == answer["error"]["exit_code"] == 3
    assert "not eligible" in done.err
    engine = answer["error"]["where"].split(":")[0].removeprefix("engine ")
    refused = [each for each in answer["engines"][engine]["layers"] if each["verdict"]["reason"] == "window"]
    assert refused and all(len(each["verdict"]["first_bad"]) == 4 for each in refused)


@pytest.fixture
def odd_path(make_upscaler, tmp_path: Path) -> Path:
    """The upscaler with 30 hidden channels."""
    onnx.save(make_upscaler(width=30), tmp_path / "odd.onnx")
    return tmp_path / "odd.onnx"


def test_what_cannot_fit_is_refused_before_the_search(slsc, odd_path, tmp_path):
    done = slsc("compile", odd_path, "--budget", "1/4", *COMPILE, "--map-2to4", "require", "-o", tmp_path / "m.slsb")
    assert done.code == 3 and "C%4: 30 input channels" in done.err and "--pad auto" in done.err
    assert not (tmp_path / "m.slsb").exists()


def test_padding_makes_it_fit_within_the_same_budget(slsc, odd_path, tmp_path):
    words = ("--budget", "1/4", *COMPILE, "--map-2to4", "require", "--pad", "auto", "--json")
    done = slsc("compile", odd_path, *words, "-o", tmp_path / "m.slsb")
    answer = json.loads(done.out)
    assert done.code == 0, done.err
    padding = answer["hardware"]["padding"]
    assert sum(width["added"] for width in padding["widths"]) == 4
    assert padding["macs_after"] > padding["macs_before"] == answer["dense"]["macs"]
    assert padding["max_abs"] < 1e-5
    figures = answer["engines"][0]
    assert figures["share"] <= 0.25 and figures["quality"]["psnr_to_dense"] > 30
    model = engine_of(tmp_path / "m.slsb")
    assert weight_values(model)["body"].shape == (32, 32, 3, 3)
    assert must_fit(answer["hardware"]["layers"]["1-4"]) <= fitting(model)
    assert slsc("check", tmp_path / "m.slsb").code == 0


def test_a_budget_too_small_for_the_padded_network_says_so(slsc, odd_path, tmp_path):
    words = ("--budget", "1/100", *COMPILE, "--pad", "always", "--pad-to", "32")
    done = slsc("compile", odd_path, *words, "-o", tmp_path / "m.slsb")
    assert done.code == 3 and "1/100 cannot be reached by the padded network" in done.err and "--pad never" in done.err


def test_a_sparse_network_is_mapped_and_its_loss_said(slsc, bundle, tmp_path):
    opened = open_bundle(bundle)
    engine = next(engine for engine in opened.manifest.engines if engine.name == "1-8")
    (tmp_path / "s.onnx").write_bytes(opened.read(engine.onnx))
    (tmp_path / "s.plan.json").write_text(json.dumps(engine.plan.to_dict()))
    words = ("compile", tmp_path / "s.onnx", "--plan", tmp_path / "s.plan.json", *COMPILE[2:], "--json")
    done = slsc(*words, "--map-2to4", "require", "-o", tmp_path / "m.slsb")
    answer = json.loads(done.out)
    assert done.code == 0, done.err
    layers = answer["hardware"]["layers"]["1-8"]
    assert {layer["state"] for layer in layers} & {"permuted", "projected"}
    assert answer["hardware"]["psnr_to_given"]["1-8"] > 30
    before, after = (onnx.load(tmp_path / "s.onnx"), engine_of(tmp_path / "m.slsb"))
    for name in must_fit(layers):
        assert first_2to4_violation(weight_values(after)[name]) is None
    image = np.random.default_rng(0).random((1, 3, 16, 16), np.float32)
    moved = verify.compare(before, after, [image]).max_abs
    assert (moved > 1e-6) == any(layer["dropped"] for layer in layers)
    refused = slsc(*words, "--pad", "always", "-o", tmp_path / "n.slsb")
    assert refused.code == 2 and "--pad does not go with --plan" in refused.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--map-2to4", "auto", "--rule", "magnitude"), "--rule magnitude does not go with --map-2to4 auto"),
        (("--map-2to4", "auto", "--m", "30"), "M = 30"),
        (("--map-2to4", "auto", "--permute-seconds", "nan"), "is no time"),
        (("--map-2to4", "auto", "--permute-seconds", "-1"), "is no time"),
        (("--pad", "sometimes"), "invalid choice"),
        (("--pad-to", "5"), "invalid choice"),
    ],
)
def test_options_that_make_no_sense(slsc, model_path, tmp_path, words, says):
    done = slsc("compile", model_path, "--budget", "1/4", "--effort", "none", *words, "-o", tmp_path / "m.slsb")
    assert done.code == 2 and says in done.err

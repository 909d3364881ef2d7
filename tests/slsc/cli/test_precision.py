"""`slsc compile --precision`: engines in fewer bits, their types in the manifest, checked and run."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from PIL import Image

from slsc.passes.weights import weight_values
from slsc.pattern import first_violation
from slsc.runtime.bundle.reader import open_bundle


def compiled(slsc, model, output, *words):
    return slsc("compile", model, "--budget", "1/2", "--effort", "none", "-o", output, *words)


@pytest.fixture
def model(tmp_path, make_upscaler):
    path = tmp_path / "network.onnx"
    onnx.save(make_upscaler(op="Tanh"), path)
    return path


@pytest.mark.parametrize(
    ("precision", "kind", "ends"),
    [
        ("auto", TensorProto.INT8, "fp16"),
        ("bf16", TensorProto.BFLOAT16, "bf16"),
        ("bf16-rounded", TensorProto.FLOAT, "bf16-rounded"),
    ],
)
def test_the_engine_is_typed_checked_and_run(slsc, model, tmp_path, precision, kind, ends):
    output = tmp_path / "net.slsb"
    outcome = compiled(slsc, model, output, "--precision", precision, "--loss", "0.5")
    assert outcome.code == 0, outcome.err
    bundle = open_bundle(output)
    engine = bundle.manifest.engines[0]
    inner = "int8" if precision == "auto" else precision
    assert engine.precision == precision
    assert dict(engine.types.layers) == {"head": ends, "body": inner, "tail": ends}
    assert engine.types.scales.keys() == ({"b"} if inner == "int8" else set())
    assert abs(engine.quality["loss_db"]) < 0.5
    graph = onnx.load_from_string(bundle.read(engine.onnx))
    held = {tensor.name: tensor.data_type for tensor in graph.graph.initializer}
    assert held["body"] == kind
    (layer,) = [layer for layer in engine.plan.layers if layer.name == "body"]
    assert first_violation(weight_values(graph)["body"], layer.n, layer.m) is None

    table = [line.split()[:2] for line in outcome.out.splitlines() if line]
    assert all(row in table for row in (["head", ends], ["body", inner], ["tail", ends]))

    found = json.loads(slsc("check", output, "--against", model, "--json").out)
    states = {each["name"]: each["passed"] for each in found["checks"]}
    assert False not in states.values(), found
    assert states["engine 1-2 is the same on native"], found
    assert states["engine 1-2 runs"] is (None if precision == "bf16" else True)

    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 52, 3), np.uint8)).save(tmp_path / "photo.png")
    for backend in ("native", "onnxruntime"):
        outcome = slsc("run", output, tmp_path / "photo.png", "--backend", backend, "-o", tmp_path / f"{backend}.png")
        if (precision, backend) == ("bf16", "onnxruntime"):
            assert outcome.code != 0 and "bfloat16" in outcome.err
        else:
            assert outcome.code == 0, outcome.err
            assert Image.open(tmp_path / f"{backend}.png").size == (104, 80)


def test_tensorrt_is_not_given_integers_it_does_not_take(slsc, model, tmp_path):
    output = tmp_path / "net.slsb"
    assert compiled(slsc, model, output, "--precision", "int8").code == 0
    outcome = slsc("build", output, "--backend", "tensorrt-rtx", "--arch", "sm86", "-o", tmp_path / "engines")
    assert outcome.code == 4 and "--activations int8" in outcome.err
    assert compiled(slsc, model, output, "--precision", "int8", "--activations", "int8").code == 0
    assert all(scale.zero == 0 for scale in open_bundle(output).manifest.engines[0].types.scales.values())


@pytest.mark.parametrize(
    "words",
    [
        *(("--precision", "int8", *more) for more in (("--loss", "-0.1"), ("--loss", "nan"), ("--keep", "nothing"))),
        *(("--loss", "0.1"), ("--keep", "head"), ("--activations", "int8"), ("--half", "bf16")),
    ],
)
def test_bad_options(slsc, model, tmp_path, words):
    outcome = compiled(slsc, model, tmp_path / "net.slsb", *words)
    assert outcome.code == 2 and not (tmp_path / "net.slsb").exists()

"""Networks of one size, without padding, and with more than one image in and out: from file to restored photo."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from slsc.runtime.bundle.reader import open_bundle
from slsc.runtime.session import Session

WIDTH = 32
KNOWN = ("--range", "0:1", "--output-range", "same", "--order", "RGB", "--residual", "no", "--force")
"""What could not be found out of random weights."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Four photos of noise over waves, some smaller than a network's one size."""
    folder, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for index, (rows, columns) in enumerate(((64, 80), (72, 64), (40, 44), (80, 72))):
        y, x = np.mgrid[:rows, :columns]
        waves = 128 + 60 * np.sin(y[..., None] / (3 + index) + [0, 1, 2]) + 40 * np.cos(x[..., None] / 5)
        image = np.clip(waves + rng.normal(0, 6, (rows, columns, 3)), 0, 255)
        Image.fromarray(image.astype(np.uint8)).save(folder / f"{index}.png")
    return folder


def saved(path: Path, nodes, inputs, outputs, **shapes) -> Path:
    """A network with random weights of these shapes; other values are taken as they are."""
    rng, tensors = np.random.default_rng(0), []
    for name, value in shapes.items():
        if isinstance(value, tuple):
            value = (0.3 * rng.standard_normal(value) / np.sqrt(np.prod(value[1:]))).astype(np.float32)
        tensors.append(numpy_helper.from_array(np.asarray(value), name))
    named = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, dims) for name, dims in pairs.items()]
             for pairs in (inputs, outputs)]  # fmt: skip
    graph = helper.make_graph(nodes, "net", *named, tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def conv(source: str, weight: str, output: str, padding: int = 1) -> onnx.NodeProto:
    return helper.make_node("Conv", [source, weight], [output], output, pads=[padding] * 4)


def gated(path: Path, side: int = 32) -> Path:
    """Residual, gated by pooling with a window of the size it was exported at; the file declares any."""
    nodes = [
        conv("x", "w1", "a"),
        conv("a", "w2", "b"),
        helper.make_node("AveragePool", ["b"], ["p"], "pool", kernel_shape=[side, side], strides=[side, side]),
        helper.make_node("Mul", ["b", "p"], ["c"], "gate"),
        conv("c", "w3", "d"),
        helper.make_node("Add", ["x", "d"], ["y"], "add"),
    ]
    free = {"x": ["n", 3, "h", "w"]}, {"y": ["n", 3, "h", "w"]}
    return saved(path, nodes, *free, w1=(WIDTH, 3, 3, 3), w2=(WIDTH, WIDTH, 3, 3), w3=(3, WIDTH, 3, 3))


def levelled(path: Path) -> Path:
    """Residual scaled by sigma, of an input whose fourth channel is a level; a second output besides."""
    nodes = [
        conv("x", "w1", "a"),
        helper.make_node("Relu", ["a"], ["r"], "relu"),
        conv("r", "w2", "b"),
        conv("b", "w3", "c"),
        helper.make_node("Mul", ["c", "sigma"], ["d"], "scale"),
        helper.make_node("Slice", ["x", "from", "to", "axis"], ["image"], "image"),
        helper.make_node("Add", ["image", "d"], ["y"], "add"),
        helper.make_node("MaxPool", ["y"], ["half"], "half", kernel_shape=[2, 2], strides=[2, 2]),
    ]
    inputs = {"x": ["n", 4, "h", "w"], "sigma": [1, 1, 1, 1]}
    outputs = {"y": ["n", 3, "h", "w"], "half": ["n", 3, "h2", "w2"]}
    shapes = {"w1": (WIDTH, 4, 3, 3), "w2": (WIDTH, WIDTH, 3, 3), "w3": (3, WIDTH, 3, 3)}
    bounds = {"from": np.array([0]), "to": np.array([3]), "axis": np.array([1])}
    return saved(path, nodes, inputs, outputs, **shapes, **bounds)


def test_a_network_of_one_size_restores_any_photo_in_tiles(slsc, photos, tmp_path):
    model, output = gated(tmp_path / "gated.onnx"), tmp_path / "gated.slsb"
    words = ("--budget", "1/2", "--effort", "none", "--data", photos, *KNOWN)
    done = slsc("compile", model, *words, "-o", output)
    assert done.code == 0, done.err
    assert "GMACs at 1280x720" in done.out and "tiles of 32x32, halos included" in done.out
    manifest = open_bundle(output).manifest
    assert manifest.io.fixed_hw == (32, 32) and "AveragePool 'pool'" in manifest.tile.exact_reason
    assert any("32x32" in note for note in manifest.source.notes)
    assert set(manifest.engines[0].artefacts) == {"onnx", "native"}
    photo = np.random.default_rng(1).integers(0, 256, (40, 75, 3), np.uint8)
    made = {}
    for backend in ("onnxruntime", "native"):
        with Session(output, backend=backend) as session:
            made[backend] = session.restore(photo).astype(int)
    assert made["native"].shape == photo.shape and np.abs(made["native"] - made["onnxruntime"]).max() <= 1
    tile = onnxruntime.InferenceSession(open_bundle(output).read("engines/1-2.onnx"))
    corner = tile.run(None, {"x": photo[:32, :32].transpose(2, 0, 1)[None].astype(np.float32) / 255})[0]
    inside = np.rint(255 * corner[0, :, :16, :16].clip(0, 1)).transpose(1, 2, 0)
    assert np.abs(made["onnxruntime"][:16, :16] - inside).max() <= 1


def test_a_network_of_one_size_is_finetuned(slsc, photos, tmp_path, monkeypatch):
    from slsc.jobs.compile import efforts
    from slsc.search.effort import Effort
    from slsc.search.sls.settings import FAST
    from slsc.trainer.schedule import Horizon, Schedule
    from slsc.trainer.settings import TrainSettings

    few = Effort(TrainSettings(Horizon(steps=4), batch=8, schedule=Schedule(1e-4, warmup=0)), FAST)
    monkeypatch.setitem(efforts.EFFORTS, "fast", few)
    words = ("--budget", "1/2", "--data", photos, *KNOWN, "-q")
    done = slsc("compile", gated(tmp_path / "gated.onnx"), *words, "-o", tmp_path / "gated.slsb")
    assert done.code == 0, done.err


def test_other_inputs_hold_what_is_said(slsc, photos, tmp_path):
    model, output = levelled(tmp_path / "levelled.onnx"), tmp_path / "levelled.slsb"
    given = ("--set", "sigma=25/255", "--extra-channel", "0.5", "--output", "y")
    words = ("--budget", "1", "--effort", "none", "--data", photos, *KNOWN, "--json")
    done = slsc("compile", model, *given, *words, "--output", output)
    assert done.code == 0, done.err
    options = [f"--set sigma={25 / 255!r}", "--extra-channel 0.5", "--output y"]
    assert json.loads(done.out)["notes"][:3] == options
    assert list(open_bundle(output).manifest.source.options) == options
    photo = np.random.default_rng(1).random((24, 40, 3), np.float32)
    image = photo.transpose(2, 0, 1)[None]
    four = np.concatenate([image, np.full((1, 1, 24, 40), 0.5, np.float32)], 1)
    fed = {"x": four, "sigma": np.full((1, 1, 1, 1), 25 / 255, np.float32)}
    expected = onnxruntime.InferenceSession(model).run(["y"], fed)[0][0].transpose(1, 2, 0).clip(0, 1)
    with Session(output) as session:
        assert session.backend == "native"
        assert np.abs(session.restore(photo) - expected).max() < 1e-3
    assert slsc("check", output, "--against", model).code == 0
    shown = slsc("inspect", output)
    assert all(f"network: {option}" in shown.out for option in options)
    assert slsc("inspect", model, *given).code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--set sigma=VALUE"),
        (("--output", "y"), "--set sigma=VALUE"),
        (("--output", "y", "--set", "sigma=1"), "--extra-channel VALUE"),
        (("--output", "z"), "no output 'z'"),
        (("--output", "y", "--output", "half"), "given twice"),
        (("--set", "sigma"), "NAME=VALUE"),
        (("--set", "sigma=1", "--set", "sigma=2"), "given twice"),
        (("--output", "half", "--set", "sigma=1", "--extra-channel", "1"), "0.5 times as large"),
    ],
)
@pytest.mark.parametrize("verb", ["compile", "inspect"])
def test_what_is_missing_or_wrong_is_one_line_that_says_what_to_type(slsc, tmp_path, verb, words, said):
    model = levelled(tmp_path / "levelled.onnx")
    budget = ("--budget", "1", "--effort", "none", "-o", tmp_path / "out.slsb") if verb == "compile" else ()
    done = slsc(verb, model, *budget, *words)
    assert done.code == 2 and said in done.err and done.err.count("\n") == 1


@pytest.mark.parametrize("verb", ["inspect", "profile"])
def test_a_bundle_has_its_inputs_already(slsc, bundle, verb):
    done = slsc(verb, bundle, "--set", "sigma=1")
    assert done.code == 2 and "go with an ONNX file" in done.err

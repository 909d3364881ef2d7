"""A small upscaler as a file, and the command line in-process."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from slsc.cli.main import main


def upscaler(channels: int = 3, width: int = 32, op: str = "Relu") -> onnx.ModelProto:
    """x2: cubic enlargement, a little sharper and better than bicubic, and a faint residual of random convolutions."""
    rng = np.random.default_rng(0)
    shapes = {"head": (width, channels, 3, 3), "body": (width, width, 3, 3), "tail": (4 * channels, width, 3, 3)}
    held = {name: 0.1 * rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:])) for name, shape in shapes.items()}
    pads = {"pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Conv", ["image", "head"], ["a"], "head", **pads),
        helper.make_node(op, ["a"], ["b"], "activation"),
        helper.make_node("Conv", ["b", "body"], ["c"], "body", **pads),
        helper.make_node("Conv", ["c", "tail"], ["d"], "tail", **pads),
        helper.make_node("DepthToSpace", ["d"], ["e"], "shuffle", blocksize=2, mode="CRD"),
        helper.make_node("Resize", ["image", "", "scales"], ["f"], "enlarge", mode="cubic", cubic_coeff_a=-0.75),
        helper.make_node("Add", ["e", "f"], ["restored"], "add"),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", channels, "h", "w"])
    restored = helper.make_tensor_value_info("restored", TensorProto.FLOAT, ["n", channels, "h2", "w2"])
    tensors = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in held.items()]
    tensors.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales"))
    graph = helper.make_graph(nodes, "upscaler", [image], [restored], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture(scope="session")
def make_upscaler() -> Callable[..., onnx.ModelProto]:
    return upscaler


@pytest.fixture(scope="session")
def upscaler_model() -> onnx.ModelProto:
    return upscaler()


@pytest.fixture
def model_path(tmp_path: Path) -> Path:
    path = tmp_path / "upscaler.onnx"
    onnx.save(upscaler(), path)
    return path


@pytest.fixture(scope="module", autouse=True)
def small_photos() -> Iterator[None]:
    """Compilations see smaller cuts of photos, a sixth of the pixels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("slsc.jobs.compile.photos.SIDE", 208)
        yield


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def slsc(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a command line in this process."""

    def run(*words: str | Path) -> Outcome:
        code = main([str(word) for word in words])
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The upscaler compiled to two budgets, made once."""
    folder = tmp_path_factory.mktemp("bundle")
    onnx.save(upscaler(), folder / "upscaler.onnx")
    words = ("compile", folder / "upscaler.onnx", "--budget", "1/8", "--budget", "1/2", "--effort", "none", "-q",
             "--range", "0:1", "--order", "RGB", "--precision", "float32")  # fmt: skip
    path = folder / "upscaler.slsb"
    assert main([str(word) for word in (*words, "-o", path)]) == 0
    return path


@pytest.fixture
def unfaithful(bundle: Path, tmp_path: Path) -> Path:
    """The bundle, saying that its tiles were found to be off by 32 of 255 and that no halo makes them exact."""
    path = tmp_path / "unfaithful.slsb"
    with zipfile.ZipFile(bundle) as given, zipfile.ZipFile(path, "w") as made:
        for entry in given.infolist():
            data = given.read(entry)
            if entry.filename == "manifest.json":
                manifest = json.loads(data)
                reason = "Resize 'up' aligns corners"
                manifest["tile"].update(bound=32 / 255, receptive_field=None, exact=False, exact_reason=reason)
                data = json.dumps(manifest).encode()
            made.writestr(zipfile.ZipInfo(entry.filename), data)
    return path

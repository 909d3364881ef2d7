"""`slsc type`: a network in 16 or 8 bits, with what that costs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto

Cli = Callable[..., Any]
NETWORK = Path("slsc/zoo/pretrained/compact_x4.onnx")


@pytest.fixture
def network(request: pytest.FixtureRequest) -> Path:
    return request.config.rootpath / NETWORK


@pytest.mark.parametrize(("precision", "kind", "least"), [("fp16", TensorProto.FLOAT16, 70), ("bf16", 16, 50)])
def test_it_is_typed_and_measured(
    slsc: Cli, network: Path, tmp_path: Path, precision: str, kind: int, least: float
) -> None:
    output = tmp_path / "typed.onnx"
    outcome = slsc("type", network, "--precision", precision, "-o", output, "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert [layer["precision"] for layer in found["layers"]] == [precision] * 9
    assert found["after"] < 0.6 * found["before"]
    assert least < found["typed"]["psnr_to_dense"] < least + 30
    assert abs(found["loss_db"]) < 0.01
    model = onnx.load(output)
    assert {tensor.data_type for tensor in model.graph.initializer if tensor.name.endswith("weight")} == {kind}


def test_numbers_of_bfloat16_in_a_float32_network(slsc: Cli, network: Path, tmp_path: Path) -> None:
    typed, again = tmp_path / "typed.onnx", tmp_path / "again.onnx"
    outcome = slsc("type", network, "--precision", "bf16-rounded", "-o", typed, "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert [layer["precision"] for layer in found["layers"]] == ["bf16-rounded"] * 9
    assert abs(found["loss_db"]) < 0.01 and 50 < found["typed"]["psnr_to_dense"] < 80
    assert {tensor.data_type for tensor in onnx.load(typed).graph.initializer} == {TensorProto.FLOAT}
    outcome = slsc("type", typed, "--precision", "fp16", "-o", again)
    assert outcome.code == 2 and "typed already" in outcome.err and "rounded to bfloat16" in outcome.err


def test_eight_bits(slsc: Cli, model_path: Path, tmp_path: Path) -> None:
    output = tmp_path / "typed.onnx"
    words = ("--precision", "int8", "--activations", "int8", "--loss", "0.5")
    outcome = slsc("type", model_path, *words, "-o", output, "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    kinds = {layer["name"]: layer["precision"] for layer in found["layers"]}
    assert kinds == {"head": "float32", "body": "int8", "tail": "float32"}, "they read and make the image"
    assert abs(found["loss_db"]) < 0.5
    assert found["typed"]["psnr_to_dense"] > 40
    held = {tensor.name: tensor.data_type for tensor in onnx.load(output).graph.initializer}
    assert (held["body"], held["head"]) == (TensorProto.INT8, TensorProto.FLOAT)
    ((scale, zero),) = found["scales"].values()
    assert scale > 0 and zero == 0


def test_in_words(slsc: Cli, network: Path, tmp_path: Path) -> None:
    node = next(node.name for node in onnx.load(network).graph.node if node.op_type == "Conv")
    outcome = slsc("type", network, "--precision", "fp16", "--keep", node, "-o", tmp_path / "typed.onnx")
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    assert lines[2].split()[:3] == ["head.weight", "float32", "0.6%"]
    assert [line.partition(":")[0] for line in lines if ":" in line][:4] == [
        "multiply-accumulates", "size", "to float32", "loss",
    ]  # fmt: skip
    assert Path(lines[-1]).is_file()


@pytest.mark.parametrize("options", [("--loss", "-1"), ("--loss", "nan"), ("--half", "bf16"), ("--keep", "nothing")])
def test_bad_options(slsc: Cli, network: Path, tmp_path: Path, options: tuple[str, str]) -> None:
    outcome = slsc("type", network, "--precision", "int8", *options, "-o", tmp_path / "typed.onnx")
    assert (outcome.code, outcome.out) == (2, ""), outcome.err
    assert not list(tmp_path.iterdir())


def test_photos_are_needed(slsc: Cli, network: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    outcome = slsc("type", network, "--precision", "int8", "--data", tmp_path / "photos", "-o", tmp_path / "typed.onnx")
    assert outcome.code == 2 and "photos" in outcome.err


def test_what_cannot_be_typed(slsc: Cli, network: Path, tmp_path: Path) -> None:
    typed, again = tmp_path / "typed.onnx", tmp_path / "again.onnx"
    assert slsc("type", network, "--precision", "fp16", "-o", typed).code == 0
    outcome = slsc("type", typed, "--precision", "bf16", "-o", again)
    assert (outcome.code, outcome.out) == (2, "")
    assert "typed already" in outcome.err
    outcome = slsc("type", network, "--precision", "fp16", "--keep", "nothing", "-o", again)
    assert (outcome.code, outcome.out) == (2, "")
    assert "no node 'nothing'" in outcome.err
    assert not again.exists()

"""`slsc type`: a network in 16 bits, with what that costs."""

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
    assert found["nodes"][precision] > 15
    assert found["after"] < 0.6 * found["before"]
    assert least < found["typed"]["psnr_to_dense"] < least + 30
    assert abs(found["loss_db"]) < 0.01
    model = onnx.load(output)
    assert {tensor.data_type for tensor in model.graph.initializer if tensor.name.endswith("weight")} == {kind}


def test_in_words(slsc: Cli, network: Path, tmp_path: Path) -> None:
    node = onnx.load(network).graph.node[0].name
    outcome = slsc("type", network, "--precision", "fp16", "--keep", node, "-o", tmp_path / "typed.onnx")
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    assert "1 float32" in lines[0]
    assert [line.partition(":")[0] for line in lines[:4]] == ["nodes", "size", "to float32", "loss"]
    assert Path(lines[-1]).is_file()


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

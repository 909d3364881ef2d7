"""A stated loss is kept to, or refused with the best that was reached."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import onnx.parser
import pytest
import torch
from onnx import TensorProto, numpy_helper

from slsc.errors import DataError, ModelError, UsageError, VerificationError
from slsc.jobs.compile.measuring import HeldOut, Quality
from slsc.jobs.type.precision import Typing
from slsc.jobs.type.wanted import WHERE_IT_PAYS, Precision
from slsc.quantize.calibration import Calibration
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.bundle.value_range import UNIT

GRAPH = """net (float[n,3,h,w] x) => (float[n,3,h,w] y) {
  a = Conv <pads=[1,1,1,1]> (x, head)
  b = Relu (a)
  c = Conv <pads=[1,1,1,1]> (b, first)
  d = Conv <pads=[1,1,1,1]> (c, second)
  y = Conv <pads=[1,1,1,1]> (d, tail)
}"""
SHAPES = {"head": (16, 3, 3, 3), "first": (16, 16, 3, 3), "second": (16, 16, 3, 3), "tail": (3, 16, 3, 3)}
COST = {TensorProto.INT8: 0.1, TensorProto.BFLOAT16: 0.02}


def network() -> onnx.ModelProto:
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {GRAPH}')
    rng = np.random.default_rng(0)
    for name, shape in SHAPES.items():
        values = (0.1 * rng.standard_normal(shape)).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(values, name))
    return model


class Photos(HeldOut):
    """Photos on which every weight in 8 bits costs 0.1 dB, and every one in bfloat16 0.02 dB."""

    def __init__(self, truth: bool = True) -> None:
        self.io = ImageIO(3, "RGB", UNIT, UNIT, "x", "y", 1, "restore")
        self._truth = truth

    def quality(self, model: onnx.ModelProto) -> Quality:
        psnr = 30 - sum(COST.get(tensor.data_type, 0) for tensor in model.graph.initializer if tensor.name in SHAPES)
        return Quality(50.0, 0.1, psnr if self._truth else None, "psnr_rgb")


def typing(monkeypatch: pytest.MonkeyPatch, photos: HeldOut | None = None) -> Typing:
    monkeypatch.setattr("slsc.jobs.type.precision.emulated", lambda model: model)
    inputs = torch.from_numpy(np.random.default_rng(0).random((2, 3, 24, 24), np.float32))
    return Typing(
        network(), lambda: Calibration(inputs, len(inputs)), photos or Photos(), lambda model: model, lambda *_: None
    )


def kinds(found) -> dict[str, str]:
    return {layer.name: layer.precision for layer in found.layers}


def test_all_that_a_loss_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    found = typing(monkeypatch).typed(Precision("auto", 0.25, "fp16"))
    assert kinds(found) == {"head": "fp16", "first": "int8", "second": "int8", "tail": "fp16"}
    assert found.loss == pytest.approx(0.2)
    assert found.share("int8") == pytest.approx(2 * 16 * 16 / (2 * 16 * 16 + 2 * 3 * 16))
    assert all(layer.loss is not None for layer in found.layers if layer.precision == "int8")


def test_as_much_as_it_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    found = typing(monkeypatch).typed(Precision("auto", 0.15))
    assert sorted(kinds(found).values()) == ["fp16", "fp16", "fp16", "int8"]


def test_none_in_8_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    found = typing(monkeypatch).typed(Precision("auto", 0.05))
    assert set(kinds(found).values()) == {"fp16"}


def test_float32_beside_8_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    found = typing(monkeypatch).typed(Precision("auto", 0.15, "float32"))
    assert sorted(kinds(found).values()) == ["float32", "float32", "float32", "int8"]
    none = typing(monkeypatch).typed(replace(WHERE_IT_PAYS, loss=0.05))
    assert (
        set(kinds(none).values()) == {"float32"}
        and none.loss == 0
        and none.model.SerializeToString()
        == (typing(monkeypatch).typed(Precision("float32")).model.SerializeToString())
    )


@pytest.mark.parametrize(("name", "half", "best"), [("int8", "fp16", "0.2000"), ("auto", "bf16", "0.0800")])
def test_the_best_that_was_reached(monkeypatch: pytest.MonkeyPatch, name: str, half: str, best: str) -> None:
    with pytest.raises(VerificationError, match=f"best that was reached loses {best} dB") as caught:
        typing(monkeypatch).typed(Precision(name, 0.01, half))
    assert caught.value.exit_code == 3


def test_kept_nodes_stay_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    found = typing(monkeypatch).typed(Precision("int8", keep=("c",)))
    assert kinds(found) == {"head": "float32", "first": "float32", "second": "int8", "tail": "float32"}
    with pytest.raises(ModelError, match="no layer can be computed in 8 bits"):
        typing(monkeypatch).typed(Precision("int8", keep=("c", "d")))


def test_a_loss_needs_something_to_be_measured_against(monkeypatch: pytest.MonkeyPatch) -> None:
    blind = typing(monkeypatch, Photos(truth=False))
    assert blind.typed(Precision("int8")).loss is None
    for precision in (Precision("auto"), Precision("int8", 0.1)):
        with pytest.raises(DataError, match="cannot be measured"):
            blind.typed(precision)


@pytest.mark.parametrize("loss", [-0.1, float("nan"), float("inf")])
def test_what_is_no_loss(loss: float) -> None:
    with pytest.raises(UsageError):
        replace(Precision("auto"), loss=loss)

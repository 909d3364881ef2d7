"""A network that ONNX Runtime quantized, compiled like any other: without the rounding between its layers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import onnx
import pytest
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from slsc.jobs.compile.baking import bake
from slsc.jobs.compile.measuring import HeldOut
from slsc.jobs.compile.rounding import quantized_quality
from slsc.jobs.compile.trained import found_in_weights
from slsc.passes.analysis.cost import costs
from slsc.passes.graph import initializers
from slsc.passes.importing.import_model import Imported, import_model
from slsc.passes.weights import weight_values
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.bundle.value_range import UNIT
from slsc.search.base import Rules
from slsc.search.searcher import Searcher
from slsc.zoo.compact import Compact
from slsc.zoo.export import to_onnx


class Noise(CalibrationDataReader):
    def __init__(self, name: str) -> None:
        self._left = [{name: np.random.default_rng(0).random((1, 3, 32, 32), np.float32)}]

    def get_next(self) -> dict[str, np.ndarray] | None:
        return self._left.pop() if self._left else None


@pytest.fixture(scope="module")
def quantized(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    folder = tmp_path_factory.mktemp("quantized")
    torch.manual_seed(0)
    onnx.save(import_model(to_onnx(Compact(2, 16, 1))).model, folder / "float.onnx")
    name = onnx.load(folder / "float.onnx").graph.input[0].name
    quantize_static(
        folder / "float.onnx",
        folder / "int8.onnx",
        Noise(name),
        QuantFormat.QDQ,
        per_channel=True,
        weight_type=QuantType.QInt8,
    )
    return import_model(onnx.load(folder / "int8.onnx"))


def test_what_the_rounding_comes_to(quantized: Imported) -> None:
    model, before = quantized.model, quantized.quantized
    assert before is not None
    io = ImageIO(3, "RGB", UNIT, UNIT, model.graph.input[0].name, model.graph.output[0].name, 2, "sr")
    random = np.random.default_rng(1)
    pairs = [(random.integers(0, 256, (64, 64, 3), np.uint8), random.integers(0, 256, (128, 128, 3), np.uint8))]
    found = quantized_quality(before, model, io, pairs, truth=True)
    assert found.psnr_to_dense is not None and 25 < found.psnr_to_dense < 80
    assert found.psnr is not None
    before.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1
    assert quantized_quality(before, model, io, pairs, truth=True).psnr_to_dense is None, "it takes no photo"
    same = quantized_quality(model, model, io, pairs, truth=False)
    assert same.psnr_to_dense == np.inf


@pytest.mark.parametrize("method", ["oneshot", "uniform"])
def test_a_quantized_network_is_pruned_as_a_float_one(quantized: Imported, method: str) -> None:
    model = quantized.model
    io = ImageIO(3, "RGB", UNIT, UNIT, model.graph.input[0].name, model.graph.output[0].name, 2, "sr")
    random = np.random.default_rng(1)
    pairs = [(random.integers(0, 256, (64, 64, 3), np.uint8), random.integers(0, 256, (128, 128, 3), np.uint8))]
    searcher = Searcher(
        model, io, pairs, labelled=False, rules=Rules(16, "magnitude"), seed=0, progress=lambda *told: None
    )
    found = searcher.search(Fraction(1, 2), method, effort=None)
    engine = bake("1-2", model, found, costs(model, (64, 64)), HeldOut(model, io, pairs, truth=False))
    quality = engine.quality.psnr_to_dense
    assert quality is not None and 15 < quality < 90
    for layer in found.plan.layers:
        stored, values = initializers(engine.model)[layer.name], weight_values(engine.model)[layer.name]
        assert stored.dtype == np.float32
        assert not values[~found.masks[layer.name]].any()
    again = found_in_weights(engine.model, found.plan)
    assert all(not (mask & ~found.masks[name]).any() for name, mask in again.masks.items())

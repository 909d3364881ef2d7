"""Networks whose weights are stored in half precision or as integers: counted, pruned, narrowed and lowered alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from slsc.errors import PlanError
from slsc.metrics.psnr import psnr_to
from slsc.passes import verify
from slsc.passes.analysis.cost import costs
from slsc.passes.analysis.layers import conv_layers, prunable_layers
from slsc.passes.analysis.liveness import bytes_per_pixel
from slsc.passes.analysis.receptive_field import receptive_field
from slsc.passes.bake import BakeMasks
from slsc.passes.base import PassContext, copy_of
from slsc.passes.graph import initializers, set_initializer
from slsc.passes.importing.import_model import import_model
from slsc.passes.lowering import lower
from slsc.passes.lowering.nmp import PlanFile
from slsc.passes.narrowing import NarrowChannels, follow_channels
from slsc.passes.pipeline import Pipeline
from slsc.passes.weights import weight_values
from slsc.pattern import nm_mask, rank_groups
from slsc.plan import LayerPlan, Plan, mask_digest

GRAPH = """net (float[n,3,h,w] x) => (float[n,3,h,w] y) {
  a = Conv <pads=[1,1,1,1]> (x, head, c)
  b = Relu(a)
  d = Conv <pads=[2,2,2,2], dilations=[2,2]> (b, body)
  e = Relu(d)
  f = Conv <pads=[1,1,1,1]> (e, wide)
  g = Conv <pads=[1,1,1,1]> (f, tail)
  y = Add(x, g)
}"""
WEIGHTS = {"head": (32, 3, 3, 3), "c": (32,), "body": (32, 32, 3, 3), "wide": (48, 32, 3, 3), "tail": (3, 48, 3, 3)}
N, M = 8, 32


def _half(model: onnx.ModelProto, node: onnx.NodeProto, weight: np.ndarray) -> onnx.NodeProto:
    set_initializer(model, node.input[1], weight.astype(np.float16))
    return helper.make_node("Cast", [node.input[1]], [f"{node.input[1]}.read"], to=TensorProto.FLOAT)


def _integers(axis: int | None) -> Callable[[onnx.ModelProto, onnx.NodeProto, np.ndarray], onnx.NodeProto]:
    """8-bit integers, one scale for all or one for each slice along `axis`."""

    def store(model: onnx.ModelProto, node: onnx.NodeProto, weight: np.ndarray) -> onnx.NodeProto:
        others = None if axis is None else tuple(set(range(4)) - {axis})
        scale = np.abs(weight).max(others).astype(np.float32) / 127
        spread = scale if axis is None else np.expand_dims(scale, others)
        name = node.input[1]
        set_initializer(model, name, np.rint(weight / spread).astype(np.int8))
        set_initializer(model, f"{name}.scale", scale)
        set_initializer(model, f"{name}.zero", np.zeros(scale.shape, np.int8))
        names = [name, f"{name}.scale", f"{name}.zero"]
        return helper.make_node("DequantizeLinear", names, [f"{name}.read"], axis=axis or 0)

    return store


FORMS = {"half": _half, "int8": _integers(None), "int8 per output": _integers(0), "int8 per input": _integers(1)}


@pytest.fixture
def dense(build) -> onnx.ModelProto:
    return build(GRAPH, **WEIGHTS)


@pytest.fixture(params=FORMS)
def typed(request, dense) -> onnx.ModelProto:
    """`dense` with its weights stored in another type, and read through the node that makes floats of them."""
    model = copy_of(dense)
    held = initializers(model)
    for node in [node for node in model.graph.node if node.op_type == "Conv"]:
        change = FORMS[request.param](model, node, held[node.input[1]])
        node.input[1] = change.output[0]
        model.graph.node.insert(0, change)
    onnx.checker.check_model(model, full_check=True)
    return model


class Photos(CalibrationDataReader):
    """A few random images, for ONNX Runtime's calibration."""

    def __init__(self) -> None:
        self._left = [np.random.default_rng(seed).random((1, 3, 24, 24), np.float32) for seed in range(4)]

    def get_next(self) -> dict[str, np.ndarray] | None:
        return {"x": self._left.pop()} if self._left else None


@pytest.fixture(params=[False, True], ids=["per tensor", "per channel"])
def quantized(request, dense, tmp_path: Path) -> onnx.ModelProto:
    """`dense` as ONNX Runtime quantizes it: QuantizeLinear and DequantizeLinear around activations too."""
    onnx.save(dense, tmp_path / "dense.onnx")
    quantize_static(
        tmp_path / "dense.onnx",
        tmp_path / "quantized.onnx",
        Photos(),
        QuantFormat.QDQ,
        per_channel=request.param,
        weight_type=QuantType.QInt8,
    )
    return onnx.load(tmp_path / "quantized.onnx")


def planned(weights: dict[str, np.ndarray], names: list[str]) -> tuple[Plan, dict[str, np.ndarray]]:
    masks = {name: nm_mask(rank_groups(np.abs(weights[name]), M, "magnitude"), N, M) for name in names}
    layers = tuple(LayerPlan(name, N, M, "magnitude", mask_digest(mask)) for name, mask in masks.items())
    return Plan(layers, "1/4", 0.25, "uniform"), masks


def bake(model: onnx.ModelProto, plan: Plan, weights: dict[str, np.ndarray], masks: dict[str, np.ndarray]):
    return Pipeline([BakeMasks(plan, weights, masks)]).run(model, PassContext()).model


def picture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((1, 3, 24, 28), np.float32)


def restored(model: onnx.ModelProto) -> np.ndarray:
    return verify.run(verify.session(model), picture())


def test_layers_and_costs_are_those_of_the_float_network(dense, typed):
    assert [(layer.name, layer.shape, layer.prunable) for layer in conv_layers(typed)] == [
        (layer.name, layer.shape, layer.prunable) for layer in conv_layers(dense)
    ]
    assert [layer.name for layer in prunable_layers(typed)] == ["body", "wide"]
    found, expected = costs(typed, (96, 128)), costs(dense, (96, 128))
    assert {layer.name: layer for layer in found.layers} == {layer.name: layer for layer in expected.layers}
    assert (found.params, found.weight_macs, found.bias_adds) == (
        expected.params,
        expected.weight_macs,
        expected.bias_adds,
    )
    assert receptive_field(typed) == receptive_field(dense)
    assert bytes_per_pixel(typed) == bytes_per_pixel(dense), "weights that are dequantized are no activations"


def test_import_keeps_names_and_types(typed):
    cleaned = import_model(typed).model
    before, after = initializers(typed), initializers(cleaned)
    for name in ("head", "body", "wide", "tail"):
        assert after[name].dtype == before[name].dtype and np.array_equal(after[name], before[name])
    assert [layer.name for layer in prunable_layers(cleaned)] == ["body", "wide"]


def test_masks_are_written_into_the_stored_type_exactly(typed):
    values, stored = weight_values(typed), initializers(typed)
    plan, masks = planned(values, ["body", "wide"])
    baked = bake(typed, plan, {}, masks)
    for name, mask in masks.items():
        after = initializers(baked)[name]
        assert after.dtype == stored[name].dtype
        np.testing.assert_array_equal(after, np.where(mask, stored[name], 0))
    pruned = {name: (values[name] * masks[name] if name in masks else values[name]) for name in values}
    np.testing.assert_array_equal(weight_values(baked)["body"], pruned["body"])
    assert bake(baked, plan, {}, masks) == baked


def test_fitted_weights_are_rounded_to_the_stored_type(typed):
    values = weight_values(typed)
    plan, masks = planned(values, ["body"])
    fitted = values["body"] * np.float32(0.8)
    found = weight_values(bake(typed, plan, {"body": fitted}, masks))["body"]
    step = np.abs(values["body"]).max() / 100
    np.testing.assert_allclose(found, fitted * masks["body"], atol=step)
    with pytest.raises(PlanError, match="finite"):
        bake(typed, plan, {"body": np.full_like(fitted, np.inf)}, masks)


def test_lowered_as_onnx_runtime_computes_it_and_sparse_where_planned(typed):
    plan, masks = planned(weight_values(typed), ["body", "wide"])
    baked = import_model(bake(typed, plan, {}, masks)).model
    lowered, without_plan = PlanFile.from_bytes(lower(baked, plan)), PlanFile.from_bytes(lower(baked, None))
    assert len(lowered.to_bytes()) < len(without_plan.to_bytes()) / 2, "a quarter of most weights is kept"
    runner = pytest.importorskip("slsc.runtime.backends.native").NativeRunner
    for made in (lowered, without_plan):
        assert psnr_to(restored(baked), runner(made.to_bytes(), 1).run(picture())) > 90


def test_channels_are_removed_with_their_scales(typed):
    channels = follow_channels(typed)
    assert {name for name, _ in channels.filters} >= {"head", "body", "wide"}
    keep = channels.every()
    for width in channels.widths:
        keep[list(width.classes)[::2]] = False
    narrow = Pipeline([NarrowChannels(channels, keep)]).run(typed, PassContext()).model
    onnx.checker.check_model(narrow, full_check=True)
    zeroed = copy_of(typed)
    for name, array in initializers(typed).items():
        if name in ("head", "body", "wide", "c"):
            gone = ~keep[channels.axes[name, 0]].reshape(-1, *([1] * (array.ndim - 1)))
            set_initializer(zeroed, name, np.where(gone, np.zeros_like(array), array))
    assert initializers(narrow)["body"].shape == (16, 16, 3, 3)
    assert psnr_to(restored(zeroed), restored(narrow)) > 100


def test_a_quantized_network_is_imported_as_a_float_one_pruned_and_lowered(quantized):
    model = import_model(quantized).model
    names = [layer.name for layer in prunable_layers(model)]
    assert len(names) == 2 and all(initializers(model)[name].dtype == np.float32 for name in names)
    plan, masks = planned(weight_values(model), names)
    baked = bake(model, plan, {}, masks)
    assert all(not weight_values(baked)[name][~mask].any() for name, mask in masks.items())
    assert 5 < psnr_to(restored(model), restored(baked)) < 60
    assert len(lower(baked, plan)) < len(lower(baked, None)) / 2


def test_channels_of_a_quantized_network_are_removed(quantized):
    model = import_model(quantized).model
    channels = follow_channels(model)
    keep = channels.every()
    for width in channels.widths:
        keep[list(width.classes)[::2]] = False
    assert (~keep).sum() > 50
    narrow = Pipeline([NarrowChannels(channels, keep)]).run(model, PassContext()).model
    onnx.checker.check_model(narrow, full_check=True)
    assert np.isfinite(restored(narrow)).all()


@pytest.mark.parametrize("file", ["sr_qdq.onnx", "sr_fp16.onnx"])
def test_networks_as_the_field_stores_them(cases_dir: Path, file: str):
    model = import_model(onnx.load(cases_dir / file)).model
    layers = prunable_layers(model)
    assert [layer.shape for layer in layers] == [(32, 32, 3, 3), (32, 32, 3, 3), (12, 32, 3, 3)]
    assert receptive_field(model).radius == 4
    plan, masks = planned(weight_values(model), [layer.name for layer in layers])
    baked = bake(model, plan, {}, masks)
    assert all(initializers(baked)[name].dtype == initializers(model)[name].dtype for name in masks)
    assert 10 < psnr_to(restored(model), restored(baked)) < 60

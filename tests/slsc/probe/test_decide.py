"""The probe on networks whose interface is known: built here, from the data pack's weights, or third-party files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

from slsc.errors import DataError, ModelError, UsageError
from slsc.probe import Form, Known, ProbeResult, probe_io
from slsc.runtime.bundle.value_range import UNIT, ValueRange

Array = npt.NDArray[Any]


def graph_model(
    nodes: list[onnx.NodeProto], constants: dict[str, Array], channels: int = 3, hw: tuple[int, int] | None = None
) -> onnx.ModelProto:
    """A model from `x` to `y`, sizes free unless `hw` is given."""
    inputs = [1, channels, *(hw or ("h", "w"))]
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, inputs)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def scalar(value: float) -> Array:
    return np.array(value, np.float32)


def enlarger(low: float, high: float, scale: int = 2, channels: int = 3) -> onnx.ModelProto:
    """Cubic enlargement with a slight tone curve from `low` to `high`, saturating there: right in that range only."""
    nodes = [
        helper.make_node("Resize", ["x", "", "scales"], ["big"], mode="cubic", cubic_coeff_a=-0.5),
        helper.make_node("Sub", ["big", "low"], ["above"]),
        helper.make_node("Div", ["above", "span"], ["share"]),
        helper.make_node("Clip", ["share", "zero", "one"], ["unit"]),
        helper.make_node("Sub", ["one", "unit"], ["missing"]),
        helper.make_node("Mul", ["unit", "missing"], ["middle"]),
        helper.make_node("Mul", ["middle", "little"], ["curve"]),
        helper.make_node("Sub", ["unit", "curve"], ["toned"]),
        helper.make_node("Mul", ["toned", "span"], ["wide"]),
        helper.make_node("Add", ["wide", "low"], ["y"]),
    ]
    numbers = {"low": low, "span": high - low, "zero": 0, "one": 1, "little": 0.1}
    constants = {name: scalar(value) for name, value in numbers.items()}
    return graph_model(nodes, {"scales": np.array([1, 1, scale, scale], np.float32), **constants}, channels)


def dncnn(path: Path, low: float = 0, high: float = 1) -> onnx.ModelProto:
    """DnCNN for grey images of `low`..`high`: 17 convolutions predict the noise, which is subtracted."""
    weights = load_file(path)
    names = sorted({key.rsplit(".", 1)[0] for key in weights}, key=lambda name: int(name.split(".")[1]))
    nodes = [helper.make_node("Sub", ["x", "low"], ["above"]), helper.make_node("Div", ["above", "span"], ["unit"])]
    value = "unit"
    for name in names:
        conv = [value, f"{name}.weight", f"{name}.bias"]
        nodes.append(helper.make_node("Conv", conv, [f"{name}.out"], pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [f"{name}.out"], [f"{name}.relu"]))
        value = f"{name}.relu"
    nodes[-1] = helper.make_node("Sub", ["unit", f"{names[-1]}.out"], ["restored"])
    nodes += [helper.make_node("Mul", ["restored", "span"], ["wide"]), helper.make_node("Add", ["wide", "low"], ["y"])]
    return graph_model(nodes, {**weights, "low": scalar(low), "span": scalar(high - low)}, channels=1)


def how(result: ProbeResult, question: str) -> str:
    return next(finding.how for finding in result.findings if finding.question == question)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 255), (-1, 1), (-0.5, 0.5)])
def test_range_of_an_enlarger(photos: list[Array], low: float, high: float) -> None:
    result = probe_io(enlarger(low, high), photos)
    assert result.io.input_range == result.io.output_range == ValueRange.uniform(low, high)
    assert (result.io.scale, result.io.task) == (2, "sr")
    assert how(result, "range") == "measured"


def test_one_channel_is_luma(photos: list[Array]) -> None:
    io = probe_io(enlarger(0, 255, scale=3, channels=1), photos).io
    assert (io.channels, io.order, io.scale, str(io.input_range)) == (1, "Y", 3, "0..255")


def test_a_network_that_treats_all_ranges_and_channels_alike_is_assumed_0_to_1_rgb(photos: list[Array]) -> None:
    node = helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="cubic")
    result = probe_io(graph_model([node], {"scales": np.array([1, 1, 2, 2], np.float32)}), photos)
    assert result.io.input_range == result.io.output_range == ValueRange.uniform(0, 1)
    assert (result.io.order) == ("RGB")
    assert how(result, "range") == how(result, "order") == "assumed"


def test_a_network_that_restores_nothing_is_assumed_0_to_1_and_says_so(photos: list[Array], dress: Any) -> None:
    result = probe_io(dress("inverting"), photos)
    assert result.io.input_range == result.io.output_range == ValueRange.uniform(0, 1)
    assert result.io.task == "restore"
    assert how(result, "range") == how(result, "picture") == how(result, "order") == "assumed"
    assert any("restores nothing" in line for line in result.doubts())
    assert result.undone == () and result.attempts


def test_overrides_win_and_are_noted(photos: list[Array]) -> None:
    levels = ValueRange.uniform(0, 255)
    result = probe_io(enlarger(0, 1), photos, Known(input=levels, output=levels, order="BGR", scale=2, task="sr"))
    assert result.io.input_range == result.io.output_range == ValueRange.uniform(0, 255)
    assert (result.io.order) == ("BGR")
    assert how(result, "range") == how(result, "order") == "given"


@pytest.mark.parametrize(
    "override",
    [
        {"scale": 3},
        {"task": "restore"},
        {"order": "Y"},
        {"input": ValueRange.uniform(1, 0)},
        {"output": ValueRange((0, 0), (1, 1))},
        {"form": Form.ADD},
        {"order": "GRB"},
    ],
)
def test_overrides_that_contradict_the_network_are_refused(photos: list[Array], override: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        probe_io(enlarger(0, 1), photos, Known(**override))


@pytest.mark.parametrize("blocks", [(4, 4), (16, 8), (1, 2), (12, 12), (7, 7)])
def test_multiples_are_found_per_axis(photos: list[Array], blocks: tuple[int, int]) -> None:
    nodes = [
        helper.make_node("MaxPool", ["x"], ["p"], kernel_shape=blocks, strides=blocks),
        helper.make_node("Resize", ["p", "", "scales"], ["r"], mode="nearest"),
        helper.make_node("Add", ["r", "x"], ["y"]),
    ]
    model = graph_model(nodes, {"scales": np.array([1, 1, *blocks], np.float32)})
    assert probe_io(model, photos).io.multiple_of == blocks


def test_fixed_sizes_are_kept(photos: list[Array]) -> None:
    model = graph_model([helper.make_node("Relu", ["x"], ["y"])], {}, hw=(600, 40))
    io = probe_io(model, photos).io
    assert (io.fixed_hw, io.task, io.multiple_of) == ((600, 40), "restore", (1, 1))


def test_a_classifier_is_refused(photos: list[Array]) -> None:
    nodes = [helper.make_node("GlobalAveragePool", ["x"], ["p"]), helper.make_node("Flatten", ["p"], ["y"])]
    with pytest.raises(ModelError, match="not an image"):
        probe_io(graph_model(nodes, {}), photos)


def test_a_network_that_shrinks_is_refused(photos: list[Array]) -> None:
    node = helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2])
    with pytest.raises(ModelError, match="whole scale"):
        probe_io(graph_model([node], {}), photos)


def test_no_photo_is_refused() -> None:
    with pytest.raises(DataError):
        probe_io(enlarger(0, 1), [])


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-0.5, 0.5)])
def test_range_of_a_denoiser(data_dir: Path, photos: list[Array], low: float, high: float) -> None:
    model = dncnn(data_dir / "weights" / "dncnn_sigma25_gray.safetensors", low, high)
    result = probe_io(model, photos[:2])
    assert result.io.input_range == result.io.output_range == ValueRange.uniform(low, high)
    assert (result.io.task, result.io.order) == ("restore", "Y")
    assert how(result, "range") == "measured"


def test_third_party_luma_file(data_dir: Path, photos: list[Array]) -> None:
    io = probe_io(onnx.load(data_dir / "onnx" / "subpixel_cnn_x3_luma.onnx"), photos).io
    assert (io.scale, io.order, io.input_range, io.fixed_hw) == (3, "Y", UNIT, (224, 224))


def test_third_party_enhancer_file(data_dir: Path, photos: list[Array]) -> None:
    model = onnx.load(data_dir / "onnx" / "distill_enhancer_256_rgb.onnx")
    io = probe_io(model, photos[:1]).io
    assert (io.task, io.scale, io.input_range, io.fixed_hw, io.order) == ("restore", 1, UNIT, (256, 256), "RGB")

"""Weights stored as integers: trained as the numbers they stand for, written back as integers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper

from slsc.metrics.psnr import psnr_to
from slsc.onnx_torch import OnnxModule
from slsc.passes import verify
from slsc.passes.importing.import_model import import_model

SCALES = np.linspace(0.001, 0.02, 6, dtype=np.float32)
ZEROS = np.arange(-3, 3, dtype=np.int8)


@pytest.fixture
def model(model_of) -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    constants = {
        "w": rng.integers(-128, 128, (6, 4, 3, 3)).astype(np.int8),
        "s": SCALES,
        "z": ZEROS,
        "b": rng.integers(-(2**27), 2**27, 6).astype(np.int32),
        "t": np.float32(1e-8),
    }
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s", "z"], ["weight"], axis=0),
        helper.make_node("DequantizeLinear", ["b", "t"], ["bias"]),
        helper.make_node("Conv", ["x", "weight", "bias"], ["y"], pads=[1, 1, 1, 1]),
    ]
    return model_of(nodes, constants)


def stored(model: onnx.ModelProto, name: str) -> np.ndarray:
    return next(numpy_helper.to_array(tensor) for tensor in model.graph.initializer if tensor.name == name)


def test_parameters_are_numbers_under_the_names_of_the_integers(model, assert_agrees, random) -> None:
    module = OnnxModule(model)
    assert module.parameter_names() == ("w", "b"), "scales and zero points are no weights"
    assert [(conv.weight, conv.bias) for conv in module.conv_steps()] == [("w", "b")]
    zero, scale = (values.reshape(-1, 1, 1, 1) for values in (ZEROS.astype(np.float32), SCALES))
    expected = (stored(model, "w").astype(np.float32) - zero) * scale
    np.testing.assert_array_equal(module.parameter("w").detach().numpy(), expected)
    assert_agrees(model, random(1, 4, 9, 7))


def test_nothing_changed_nothing_written(model) -> None:
    """Integers beyond float32's 24 bits included."""
    assert OnnxModule(model).write_back(model) == model


def test_trained_weights_are_rounded_and_masked_ones_are_zero_points(model) -> None:
    module = OnnxModule(model)
    with torch.no_grad():
        module.parameter("w")[:, :2] = 0
        module.parameter("w")[:, 2:] += torch.from_numpy(0.6 * SCALES.reshape(-1, 1, 1, 1))
    written = stored(module.write_back(model), "w")
    np.testing.assert_array_equal(written[:, :2], np.broadcast_to(ZEROS.reshape(-1, 1, 1, 1), (6, 2, 3, 3)))
    before = stored(model, "w")[:, 2:].astype(int)
    np.testing.assert_array_equal(written[:, 2:], np.minimum(before + 1, 127))


def test_gradients_reach_weights_through_quantized_activations(model_of, random) -> None:
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "s"], ["weight"]),
        helper.make_node("Conv", ["x", "weight"], ["c"]),
        helper.make_node("QuantizeLinear", ["c", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"]),
    ]
    constants = {"w": np.full((2, 3, 1, 1), 20, np.int8), "s": np.float32(0.05), "z": np.int8(0)}
    module = OnnxModule(model_of(nodes, constants))
    module(torch.from_numpy(random(1, 3, 5, 5))).square().sum().backward()
    gradient = module.parameter("w").grad
    assert gradient is not None and torch.all(gradient != 0)


def test_a_weight_rounded_in_the_graph_is_trained_unrounded(model_of, assert_agrees, random) -> None:
    nodes = [
        helper.make_node("QuantizeLinear", ["w", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["weight"]),
        helper.make_node("Conv", ["x", "weight"], ["y"]),
    ]
    model = model_of(nodes, {"w": random(8, 3, 3, 3), "s": np.float32(0.1), "z": np.int8(0)})
    module = OnnxModule(model)
    assert module.parameter_names() == ("w",)
    np.testing.assert_array_equal(module.parameter("w").detach().numpy(), stored(model, "w"))
    assert_agrees(model, random(1, 3, 8, 8))


def test_a_network_as_the_field_stores_it(cases_dir: Path) -> None:
    model = import_model(onnx.load(cases_dir / "sr_qdq.onnx")).model
    image = np.random.default_rng(0).random((1, 3, 40, 48), np.float32)
    module = OnnxModule(model)
    assert module.write_back(model) == model
    assert psnr_to(verify.run(verify.session(model), image), module(torch.from_numpy(image)).detach().numpy()) > 45

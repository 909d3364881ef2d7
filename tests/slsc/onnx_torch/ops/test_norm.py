from __future__ import annotations

import numpy as np
import pytest
import torch

from slsc.errors import ModelError
from slsc.onnx_torch import OnnxModule


@pytest.mark.parametrize("opset", [9, 14, 15])
def test_batch_norm_uses_the_stored_statistics(op_model, assert_agrees, random, opset) -> None:
    variance = np.abs(random(4)) + 0.1
    model = op_model("BatchNormalization", random(4), random(4), random(4), variance, opset=opset, epsilon=1e-3)
    assert_agrees(model, random(2, 4, 5, 6))
    module = OnnxModule(model).train()
    x = torch.from_numpy(random(2, 4, 5, 6))
    assert torch.equal(module(x), module.eval()(x))
    assert module.parameter_names() == ("c0", "c1")


def test_batch_norm_in_training_mode_is_refused(op_model, random) -> None:
    constants = [random(4) for _ in range(4)]
    module = OnnxModule(op_model("BatchNormalization", *constants, opset=15, training_mode=1))
    with pytest.raises(ModelError, match="training mode"):
        module(torch.zeros(1, 4, 2, 2))


def test_instance_norm(op_model, assert_agrees, random) -> None:
    assert_agrees(op_model("InstanceNormalization", random(4), random(4), epsilon=1e-3), random(2, 4, 5, 6))


@pytest.mark.parametrize(("axis", "shape"), [(-1, (6,)), (1, (4, 5, 6)), (2, (5, 6))])
def test_layer_norm(op_model, assert_agrees, random, axis, shape) -> None:
    model = op_model("LayerNormalization", random(*shape), random(*shape), axis=axis)
    assert_agrees(model, random(2, 4, 5, 6))
    assert_agrees(op_model("LayerNormalization", random(*shape), axis=axis), random(2, 4, 5, 6))


@pytest.mark.parametrize(("opset", "count"), [(18, 2), (21, 4)])
def test_group_norm(op_model, assert_agrees, random, opset, count) -> None:
    model = op_model("GroupNormalization", random(count), random(count), opset=opset, num_groups=2)
    assert_agrees(model, random(2, 4, 5, 6))


@pytest.mark.parametrize("power", [1, 2])
def test_lengths_along_an_axis_become_one(op_model, assert_agrees, random, power) -> None:
    x = random(2, 4, 5, 6)
    x[:, :, 0] = 0
    assert_agrees(op_model("LpNormalization", axis=1, p=power), x)


@pytest.mark.parametrize("attributes", [{"size": 3}, {"size": 5, "alpha": 0.1, "beta": 0.5, "bias": 2.0}])
def test_local_response(op_model, assert_agrees, random, attributes) -> None:
    assert_agrees(op_model("LRN", **attributes), 3 * random(2, 8, 5, 6))

from __future__ import annotations

import pytest

CASES = [
    ("Celu", {"alpha": 0.5}, 12),
    ("Elu", {"alpha": 0.5}, 10),
    ("Gelu", {}, 20),
    ("Gelu", {"approximate": "tanh"}, 20),
    ("HardSigmoid", {"alpha": 0.3, "beta": 0.4}, 10),
    ("HardSigmoid", {}, 13),
    ("HardSwish", {}, 14),
    ("LeakyRelu", {"alpha": 0.05}, 11),
    ("LeakyRelu", {}, 16),
    ("Mish", {}, 18),
    ("Relu", {}, 14),
    ("Selu", {}, 10),
    ("Shrink", {"lambd": 0.8, "bias": 0.3}, 9),
    ("Sigmoid", {}, 13),
    ("Softmax", {}, 11),
    ("Softmax", {"axis": 2}, 10),
    ("Softmax", {}, 13),
    ("Softmax", {"axis": 1}, 17),
    ("Softplus", {}, 10),
    ("Softsign", {}, 10),
    ("Tanh", {}, 13),
    ("ThresholdedRelu", {"alpha": 0.5}, 10),
]


@pytest.mark.parametrize(("op", "attributes", "opset"), CASES)
def test_activation(op_model, assert_agrees, random, op, attributes, opset) -> None:
    assert_agrees(op_model(op, opset=opset, **attributes), random(2, 3, 5, 4) * 3)


@pytest.mark.parametrize("shape", [(3, 1, 1), (1,), (1, 1, 1), (3, 5, 4), (1, 3, 1, 1)])
def test_prelu_slopes(op_model, assert_agrees, random, shape) -> None:
    assert_agrees(op_model("PRelu", random(*shape), opset=11), random(2, 3, 5, 4))

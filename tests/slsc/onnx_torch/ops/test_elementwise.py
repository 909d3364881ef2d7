from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

OPSETS = (10, 13, 21)
UNARY = ["Abs", "Ceil", "Cos", "Erf", "Exp", "Floor", "Identity", "Neg", "Reciprocal", "Round", "Sign", "Sin"]
POSITIVE = ["Log", "Sqrt"]
ANGLES = ["Acos", "Asin", "Atan", "Cosh", "Sinh", "Tan"]


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("op", UNARY)
def test_unary(op_model, assert_agrees, random, op, opset) -> None:
    assert_agrees(op_model(op, opset=max(opset, 11) if op == "Round" else opset), random(2, 3, 5, 4) + 0.1)


@pytest.mark.parametrize("op", POSITIVE)
def test_unary_of_positive_numbers(op_model, assert_agrees, random, op) -> None:
    assert_agrees(op_model(op), np.abs(random(1, 3, 5, 4)) + 0.01)


@pytest.mark.parametrize("op", ANGLES)
def test_angles(op_model, assert_agrees, random, op) -> None:
    assert_agrees(op_model(op), random(1, 3, 5, 4).clip(-0.95, 0.95))


@pytest.mark.parametrize(
    ("op", "attributes"),
    [("IsNaN", {}), ("IsInf", {}), ("IsInf", {"detect_negative": 0}), ("IsInf", {"detect_positive": 0})],
)
def test_what_is_no_number(model_of, assert_agrees, op, attributes) -> None:
    nodes = [helper.make_node(op, ["x"], ["odd"], **attributes), helper.make_node("Cast", ["odd"], ["y"], to=1)]
    assert_agrees(model_of(nodes, {}), np.float32([0, np.nan, np.inf, -np.inf, 1]))


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("op", ["Add", "Div", "Max", "Min", "Mul", "Sub", "Sum", "Mean"])
def test_binary_broadcasts(op_model, assert_agrees, random, op, opset) -> None:
    assert_agrees(op_model(op, random(3, 1, 1) + 3, opset=opset), random(2, 3, 5, 4))


@pytest.mark.parametrize("op", ["Max", "Min", "Sum", "Mean"])
@pytest.mark.parametrize("others", [0, 2])
def test_variadic(op_model, assert_agrees, random, op, others) -> None:
    assert_agrees(op_model(op, *(random(2, 3, 5, 4) for _ in range(others))), random(2, 3, 5, 4))


@pytest.mark.parametrize("exponent", [2.0, 3.0, 0.5, -1.0])
def test_power(op_model, assert_agrees, random, exponent) -> None:
    assert_agrees(op_model("Pow", np.float32(exponent)), np.abs(random(1, 3, 4, 4)) + 0.5)


def test_power_of_many_exponents(op_model, assert_agrees, random) -> None:
    assert_agrees(op_model("Pow", random(3, 1, 1)), np.abs(random(1, 3, 4, 4)) + 0.5)


def test_integer_division_rounds_towards_zero_and_mod_has_both_signs(model_of, assert_agrees) -> None:
    values = np.array([-7, 7, -6, 5], np.float32)
    for op, attributes in (("Div", {}), ("Mod", {}), ("Mod", {"fmod": 1})):
        nodes = [
            helper.make_node("Cast", ["x"], ["i"], to=7),
            helper.make_node(op, ["i", "three"], ["d"], **attributes),
            helper.make_node("Cast", ["d"], ["y"], to=1),
        ]
        assert_agrees(model_of(nodes, {"three": np.array(3, np.int64)}), values)


def test_clip_by_attributes_before_opset_11(op_model, assert_agrees, random) -> None:
    assert_agrees(op_model("Clip", opset=10, min=-0.5, max=0.25), random(1, 3, 4, 4))
    assert_agrees(op_model("Clip", opset=10), random(1, 3, 4, 4))


@pytest.mark.parametrize("bounds", [(0, 6), (None, 0.5), (-0.5, None), (None, None)])
def test_clip_by_inputs(op_model, assert_agrees, random, bounds) -> None:
    constants = [None if bound is None else np.float32(bound) for bound in bounds]
    assert_agrees(op_model("Clip", *constants, opset=13), random(1, 3, 4, 4) * 4)


@pytest.mark.parametrize("op", ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"])
def test_comparison_then_choice(model_of, assert_agrees, random, op) -> None:
    nodes = [
        helper.make_node(op, ["x", "zero"], ["c"]),
        helper.make_node("Not", ["c"], ["n"]),
        helper.make_node("Xor", ["c", "n"], ["always"]),
        helper.make_node("And", ["always", "n"], ["a"]),
        helper.make_node("Or", ["a", "n"], ["o"]),
        helper.make_node("Where", ["o", "x", "other"], ["y"]),
    ]
    x = random(1, 2, 3, 4)
    x[0, 0, 0] = 0
    assert_agrees(model_of(nodes, {"zero": np.float32(0), "other": random(4)}), x)

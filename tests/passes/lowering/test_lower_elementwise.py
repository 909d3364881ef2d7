from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from slsc.passes.lowering import LoweringRefusal, lower
from slsc.passes.lowering.nmp import GATES
from slsc.passes.lowering.nmp_ops import Act, Combine, OpType

WRAP = "g (float[n, 3, h, w] x) => (float[n, 3, h, w] y) {{ a = Conv(x, k1) b = Conv(x, k2) {body} }}"
MIX = np.random.default_rng(0).standard_normal((2, 3, 3, 1, 1)).astype(np.float32)


@pytest.fixture
def graph(build: Callable) -> Callable:
    """`graph(body, **constants)`: nodes from two mixtures a, b of the colours of x to y."""
    return lambda body, opset=17, **values: build(WRAP.format(body=body), opset=opset, k1=MIX[0], k2=MIX[1], **values)


CONSTANTS = {
    "s": np.float32(0.7),
    "v": np.array([1.5, -2, 0.25], np.float32).reshape(3, 1, 1),
    "w": np.array([1.5, -2, 0.25], np.float32).reshape(1, 3, 1, 1),
}

WITH_CONSTANT = [
    f"y = {op}({pair})"
    for op in ("Add", "Sub", "Mul")
    for pair in ("a, s", "s, a", "a, v", "w, a")
] + ["y = Div(a, s)", "y = Div(a, w)", "y = Max(a, s)", "y = Min(s, a)", "y = Neg(a)", "y = Pow(a, two)"]  # fmt: skip


@pytest.mark.parametrize("body", WITH_CONSTANT)
def test_with_a_constant(graph: Callable, lowers: Callable, body: str) -> None:
    used = {name: value for name, value in CONSTANTS.items() if f"{name}," in body or f"{name})" in body}
    if "two" in body:
        used["two"] = np.float32(2)
    lowers(graph(body, **used), (7, 9), (37, 21))


def test_constants_one_after_the_other(graph: Callable, lowers: Callable) -> None:
    for ops in itertools.product(("Add", "Sub", "Mul"), repeat=3):
        chain = " ".join(f"t{i + 1} = {op}(t{i}, {name})" for i, (op, name) in enumerate(zip(ops, "svw", strict=True)))
        found = lowers(graph(f"t0 = Relu(a) {chain} y = Tanh(t3)", **CONSTANTS), (7, 9))
        assert len(found.ops) == 2


BETWEEN = [
    "y = Add(a, b)", "y = Sub(a, b)", "y = Sub(b, a)", "y = Mul(a, b)", "y = Max(a, b)", "y = Min(a, b)",
    "y = Sum(a, b, x)", "y = Max(x, a, b)", "c = Add(a, b) d = Relu(c) y = Mul(d, d)", "c = Add(a, a) y = Mul(c, b)",
    "c = Sigmoid(a) d = Mul(b, c) e = Sub(d, x) y = Relu(e)", "c = Sub(x, a) y = Add(c, b)",
    "c = Sigmoid(a) d = Add(c, one) y = Div(b, d)", "c = Sigmoid(a) y = Sub(c, b)",
    "c = Relu(a) y = Sub(x, c)", "c = Relu(a) d = Add(c, x) y = Sigmoid(d)", "c = Add(a, b) y = Add(c, a)",
]  # fmt: skip


@pytest.mark.parametrize("body", BETWEEN)
def test_of_two_tensors(graph: Callable, lowers: Callable, body: str) -> None:
    lowers(graph(body, **({"one": np.float32(1)} if "one" in body else {})), (7, 9), (37, 21))


SPREAD = [
    "p = GlobalAveragePool(a) y = {op}(b, p)", "p = GlobalAveragePool(a) y = {op}(p, b)",
    "m = ReduceMean<axes = [1]>(a) n = Sigmoid(m) y = {op}(b, n)",
    "m = ReduceMean<axes = [1]>(a) n = Sigmoid(m) y = {op}(n, b)",
]  # fmt: skip


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Max", "Min"])
@pytest.mark.parametrize("body", SPREAD)
def test_spread(graph: Callable, lowers: Callable, body: str, op: str) -> None:
    lowers(graph(body.format(op=op)), (7, 9), (37, 21))


@pytest.mark.parametrize("mean", ["GlobalAveragePool(a)", "ReduceMean<axes = [1]>(a)"])
@pytest.mark.parametrize("division", ["Div(b, q)", "Div(q, d)"])
def test_division_where_one_spreads(graph: Callable, lowers: Callable, mean: str, division: str) -> None:
    body = f"p = {mean} q = Sigmoid(p) c = Sigmoid(b) d = Add(c, one) y = {division}"
    lowers(graph(body, one=np.float32(1)), (7, 9))


def test_deviation_per_channel(graph: Callable, lowers: Callable) -> None:
    body = """m = GlobalAveragePool(a) c = Sub(a, m) s = Mul(c, c) v = ReduceMean<axes = [2, 3]>(s)
              d = Sqrt(v) t = Add(d, m) y = Mul(a, t)"""
    lowers(graph(body), (37, 21), (8, 8))


def test_layer_normalisation_over_channels(graph: Callable, lowers: Callable) -> None:
    body = """m = ReduceMean<axes = [1]>(a) c = Sub(a, m) s = Pow(c, two) v = ReduceMean<axes = [1]>(s)
              e = Add(v, eps) d = Sqrt(e) q = Div(c, d) r = Mul(q, w) y = Add(r, w)"""
    lowers(graph(body, two=np.float32(2), eps=np.float32(1e-3), w=CONSTANTS["w"]), (37, 21))


ACTIVATIONS = {
    "Relu(a)": Act.RELU,
    "LeakyRelu<alpha = 0.2>(a)": Act.LEAKY_RELU,
    "PRelu(a, slope)": Act.PRELU,
    "PRelu(a, single)": Act.LEAKY_RELU,
    "Clip(a, low, high)": Act.CLIP,
    "Clip(a, low)": Act.CLIP,
    "Clip(a, , high)": Act.CLIP,
    "Sigmoid(a)": Act.SIGMOID,
    "Tanh(a)": Act.TANH,
    "HardSigmoid<alpha = 0.3, beta = 0.4>(a)": Act.HARD_SIGMOID,
    "HardSwish(a)": Act.HARD_SWISH,
}


@pytest.mark.parametrize("call", ACTIVATIONS)
def test_activation(graph: Callable, lowers: Callable, call: str) -> None:
    held = {
        "slope": np.array([0.1, -0.3, 2], np.float32).reshape(3, 1, 1),
        "single": np.array([0.1], np.float32).reshape(1, 1, 1),
        "low": np.float32(-0.2),
        "high": np.float32(0.3),
    }
    used = {name: value for name, value in held.items() if name in call}
    found = lowers(graph(f"y = {call}", **used), (7, 9), (37, 21), low=-4, high=4)
    assert [(op.type, op.act) for op in found.ops if op.act] == [(OpType.CONV, ACTIVATIONS[call])]
    lowers(graph(f"c = Add(a, x) y = {call.replace('(a', '(c')}", **used), (7, 9))
    lowers(graph(f"c = Max(b, x) d = {call} y = Mul(d, c)", **used), (7, 9))


@pytest.mark.parametrize(
    ("body", "act"),
    [
        ("s = Sigmoid(a) y = Mul(a, s)", Act.SILU),
        ("s = Sigmoid(a) y = Mul(s, a)", Act.SILU),
        ("s = HardSigmoid<alpha = 0.16666667, beta = 0.5>(a) y = Mul(a, s)", Act.HARD_SWISH),
        ("d = Div(a, root) e = Erf(d) p = Add(e, one) m = Mul(a, p) y = Mul(m, half)", Act.GELU),
        ("h = Mul(a, half) d = Div(a, root) e = Erf(d) p = Add(one, e) y = Mul(h, p)", Act.GELU),
        ("d = Mul(a, reciprocal) e = Erf(d) p = Add(e, one) m = Mul(half, p) y = Mul(m, a)", Act.GELU),
    ],
)
def test_activation_spelled_out(graph: Callable, lowers: Callable, body: str, act: Act) -> None:
    held = {"root": 2**0.5, "reciprocal": 0.5**0.5, "one": 1.0, "half": 0.5}
    used = {name: np.float32(value) for name, value in held.items() if name in body}
    found = lowers(graph(body, **used), (7, 9), low=-4, high=4)
    assert [(op.type, op.act) for op in found.ops] == [(OpType.CONV, act)]


@pytest.mark.parametrize(
    "body",
    [
        "t = Add(a, x) s = Sigmoid(a) g = Sub(s, half) y = Mul(t, g)",
        "s = Sigmoid(a) g = Add(s, shift) t = Add(x, a) y = Mul(g, t)",
        "s = Sigmoid(a) t = Add(a, x) y = Mul(t, s)",
    ],
)
def test_sum_gated_by_a_convolution(graph: Callable, lowers: Callable, body: str) -> None:
    held = {name: np.float32(0.5) for name in ("half", "shift") if name in body}
    found = lowers(graph(body, **held), (7, 9), (37, 21), low=-4, high=4)
    assert [(op.type, op.act, op.params.combine) for op in found.ops] == [
        (OpType.CONV, Act.SIGMOID, Combine.ADD_TIMES_GATE)
    ]
    assert abs(found.ops[0].act_b) == 0.5 * bool(held) and found.features == (GATES,)


@pytest.mark.parametrize(
    "body",
    [
        "t = Add(a, x) s = Sigmoid(b) y = Mul(t, s)",
        "t = Add(a, x) s = Sigmoid(a) g = Add(s, shifts) y = Mul(t, g)",
        "t = Add(a, x) s = Sigmoid(a) m = Mul(t, s) y = Add(m, s)",
        "t = Add(a, x) s = Sigmoid(a) m = Mul(t, s) y = Add(m, a)",
        "t = Add(a, a) s = Sigmoid(a) y = Mul(t, s)",
        "t = Sub(a, x) s = Sigmoid(a) y = Mul(t, s)",
        "t = Add(a, x) s = Tanh(a) y = Mul(t, s)",
    ],
)
def test_other_gates_stay_what_they_are(graph: Callable, lowers: Callable, body: str) -> None:
    held = {"shifts": np.array([0.5, -0.5, 0], np.float32).reshape(3, 1, 1)} if "shifts" in body else {}
    found = lowers(graph(body, **held), (7, 9), low=-4, high=4)
    assert not found.features


def test_gelu_of_its_own(graph: Callable, lowers: Callable) -> None:
    found = lowers(graph("y = Gelu(a)", opset=20), (7, 9), low=-4, high=4)
    assert found.ops[-1].act == Act.GELU


def test_gelu_by_tanh(graph: Callable, lowers: Callable) -> None:
    body = """c = Pow(a, three) d = Mul(c, k) e = Add(a, d) f = Mul(e, r) t = Tanh(f) p = Add(t, one)
              m = Mul(a, p) y = Mul(m, half)"""
    held = {"three": 3.0, "k": 0.044715, "r": 0.79788456, "one": 1.0, "half": 0.5}
    lowers(graph(body, **{name: np.float32(value) for name, value in held.items()}), (7, 9), low=-4, high=4)


def test_a_tensor_gated_by_its_own_sigmoid_that_others_use(graph: Callable, lowers: Callable) -> None:
    lowers(graph("s = Sigmoid(a) m = Mul(a, s) y = Add(m, s)"), (7, 9))


def test_batch_normalisation_without_a_convolution(graph: Callable, lowers: Callable) -> None:
    held = {name: np.array([1, 0.5, 2], np.float32) for name in ("scale", "shift", "mean", "var")}
    lowers(graph("c = Add(a, b) y = BatchNormalization(c, scale, shift, mean, var)", **held), (7, 9))


REFUSED = {
    "y = Elu(a)": "no operation Elu",
    "y = Exp(a)": "no operation Exp",
    "y = Add(a, field)": "is not one number per channel",
    "y = Div(s, a)": "Div with this constant",
    "p = GlobalAveragePool(a) m = ReduceMean<axes = [1]>(p) y = Mul(a, m)": "one number",
    "y = Pow(a, s)": "the exponent is",
    "e = Erf(a) y = Mul(a, e)": "no operation Erf",
    "y = PRelu(a, b)": "slopes are computed",
}


@pytest.mark.parametrize("body", REFUSED)
def test_refusal_names_the_node(graph: Callable, body: str) -> None:
    used = {"s": CONSTANTS["s"]} if "s," in body or "s)" in body else {}
    if "field" in body:
        used["field"] = np.ones((1, 3, 1, 1, 1), np.float32)
    with pytest.raises(LoweringRefusal, match=REFUSED[body]) as caught:
        lower(graph(body, **used), None)
    assert "making '" in caught.value.where

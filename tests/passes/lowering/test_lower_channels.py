"""Concat, Split, channel Slice and Gather: where tensors lie, and what must be copied."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from slsc.passes.lowering import LoweringRefusal, lower
from slsc.passes.lowering.nmp import ABSENT, PlanFile, Unary

WRAP = "g (float[n, 3, h, w] x) => (float[n, {made}, h, w] y) {{ {body} }}"


@pytest.fixture
def graph(build: Callable) -> Callable:
    """`graph(body, made=3)`: kK_C in the body is a 1x1 kernel from C to K channels."""

    def make(body: str, made: int = 3, **values: np.ndarray):
        shapes = {
            word: (int(word[1:].split("_")[0]), int(word.split("_")[1]), 1, 1)
            for word in body.replace("(", " ").replace(")", " ").replace(",", " ").split()
            if word[0] == "k" and "_" in word
        }
        return build(WRAP.format(body=body, made=made), **shapes, **values)

    return make


def copies(plan: PlanFile) -> int:
    """Unary operations that change nothing."""
    return sum(op.params[1:] == (ABSENT, ABSENT) and not op.act for op in plan.ops if isinstance(op.params, Unary))


WITHOUT_COPIES = {
    "parts": "a = Conv(x, k4_3) b = Conv(a, k5_4) c = Concat<axis = 1>(a, b) y = Conv(c, k3_9)",
    "nested": """a = Conv(x, k4_3) b = Conv(a, k5_4) c = Concat<axis = 1>(a, b) d = Conv(c, k2_9)
                 e = Concat<axis = 1>(c, d) y = Conv(e, k3_11)""",
    "dense block": """a = Conv(x, k4_3) b = Conv(a, k5_4) c = Concat<axis = 1>(a, b) d = Conv(c, k2_9)
                      e = Concat<axis = 1>(a, b, d) f = Relu(e) y = Conv(f, k3_11)""",
    "inner first": """a = Conv(x, k4_3) b = Conv(a, k5_4) c = Concat<axis = 1>(a, b) d = Conv(c, k2_9)
                      e = Concat<axis = 1>(d, c) y = Conv(e, k3_11)""",
    "split": "a = Conv(x, k8_3) b, c = Split<axis = 1>(a) d = Mul(b, c) y = Conv(d, k3_4)",
    "uneven split": """a = Conv(x, k8_3) b, c = Split<axis = 1>(a, sizes) d = Relu(c) e = Conv(b, k5_3) f = Add(d, e)
                       y = Conv(f, k3_5)""",
    "slice of a concatenation": """a = Conv(x, k4_3) b = Conv(a, k5_4) c = Concat<axis = 1>(a, b)
                                   d = Slice(c, two, seven, axis1) y = Conv(d, k3_5)""",
    "output": "a = Conv(x, k2_3) b = Conv(a, k1_2) y = Concat<axis = 1>(a, b)",
}
WITH_COPIES = {
    "image": (1, "a = Conv(x, k4_3) c = Concat<axis = 1>(a, x) y = Conv(c, k3_7)"),
    "twice": (1, "a = Conv(x, k4_3) c = Concat<axis = 1>(a, a) y = Conv(c, k3_8)"),
    "two places": (
        1,
        """a = Conv(x, k4_3) b = Conv(a, k5_4) c = Concat<axis = 1>(a, b) d = Conv(c, k2_9)
           e = Concat<axis = 1>(b, d) y = Conv(e, k3_7)""",
    ),
    "part of a tensor": (
        2,
        """a = Conv(x, k8_3) b, c = Split<axis = 1>(a) d = Conv(c, k4_4) e = Concat<axis = 1>(b, d, c)
           y = Conv(e, k3_12)""",
    ),
    "slice as output": (1, "a = Conv(x, k8_3) b, y = Split<axis = 1>(a, five)"),
    "image as output": (1, "y = Identity(x)"),
}
HELD = {
    "sizes": np.array([3, 5]), "two": np.array([2]), "seven": np.array([7]), "axis1": np.array([1]),
    "five": np.array([5, 3]),
}  # fmt: skip


def held(body: str) -> dict[str, np.ndarray]:
    return {name: value for name, value in HELD.items() if f"{name}," in body or f"{name})" in body}


@pytest.mark.parametrize("name", WITHOUT_COPIES)
def test_without_copies(graph: Callable, lowers: Callable, name: str) -> None:
    body = WITHOUT_COPIES[name]
    assert copies(lowers(graph(body, **held(body)), (7, 9), (37, 21))) == 0


@pytest.mark.parametrize("name", WITH_COPIES)
def test_copies_what_cannot_be_written_in_place(graph: Callable, lowers: Callable, name: str) -> None:
    count, body = WITH_COPIES[name]
    assert copies(lowers(graph(body, **held(body)), (7, 9), (37, 21))) == count


def test_output_that_others_read(graph: Callable, lowers: Callable) -> None:
    lowers(graph("y = Conv(x, k3_3) a = Relu(y) b = Concat<axis = 1>(y, a) c = Conv(b, k3_6)"), (7, 9))


def test_gather_reorders(graph: Callable, lowers: Callable) -> None:
    order = np.array([4, 0, 3])
    fused = lowers(graph("a = Conv(x, k5_3) b = Relu(a) y = Gather<axis = 1>(b, order)", order=order), (7, 9))
    assert len(fused.ops) == 1
    alone = lowers(graph("a = Conv(x, k5_3) b = Mul(a, a) y = Gather<axis = 1>(b, order)", order=order), (7, 9))
    assert len(alone.ops) == 3


def test_vectors(graph: Callable, lowers: Callable) -> None:
    rng = np.random.default_rng(0)
    values = {
        "w1": rng.standard_normal((2, 4)), "b1": rng.standard_normal(2), "w2": rng.standard_normal((2, 4)),
    }  # fmt: skip
    body = """a = Conv(x, k4_3) p = GlobalAveragePool(a) f = Flatten(p) g = Gemm<transB = 1>(f, w1, b1) r = Relu(g)
              m = MatMul(r, w2) s = Sigmoid(m) u = Unsqueeze(s, axes) v = Mul(a, u) y = Conv(v, k3_4)"""
    floats = {name: value.astype(np.float32) for name, value in values.items()}
    lowers(graph(body, axes=np.array([2, 3]), **floats), (7, 9), (37, 21))


def test_vectors_by_reshape_and_expand(graph: Callable, lowers: Callable) -> None:
    body = """a = Conv(x, k4_3) p = ReduceMean<axes = [2, 3], keepdims = 0>(a) q = Mul(p, p) s = Sigmoid(q)
              u = Reshape(s, shape) z = Shape(a) e = Expand(u, z) v = Mul(a, e) y = Conv(v, k3_4)"""
    lowers(graph(body, shape=np.array([-1, 4, 1, 1])), (7, 9))


REFUSED = {
    "a = Concat<axis = 0>(x, x) y = Relu(a)": "axis 0 is not the channel axis",
    "p = GlobalAveragePool(x) e = Reshape(p, flat) y = Add(x, e)": "Add making 'y'",
    "a = Flatten(x) b = Reshape(a, image) y = Relu(b)": "Flatten making 'a'.*it makes",
}


@pytest.mark.parametrize("body", REFUSED)
def test_refusal_names_the_node(graph: Callable, body: str) -> None:
    shapes = {"flat": np.array([1, 3]), "image": np.array([1, 3, 64, -1])}
    values = {name: value for name, value in shapes.items() if name in body}
    with pytest.raises(LoweringRefusal, match=REFUSED[body]):
        lower(graph(body, **values), None)

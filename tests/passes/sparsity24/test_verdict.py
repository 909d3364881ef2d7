"""2:4 verdicts against an oracle that looks at every window, and what Polygraphy says of the same weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from slsc.passes.analysis.layers import ConvLayer
from slsc.passes.sparsity24.project import projected
from slsc.passes.sparsity24.verdict import verdict_of


def layer(shape: tuple[int, ...], op: str = "Conv", groups: int = 1) -> ConvLayer:
    return ConvLayer("w", f"{op} 'c'", shape, groups, shape[2:], (1, 1), 1, True, "")


def first_bad(weight: np.ndarray) -> tuple[int, ...] | None:
    """The first window with more than 2 non-zeros, by looking at each."""
    outputs, channels, rows, columns = weight.shape
    bad = [
        (c, k, r, s)
        for c in range(0, channels, 4)
        for k in range(outputs)
        for r in range(rows)
        for s in range(columns)
        if sum(weight[k, i, r, s] != 0 for i in range(c, min(c + 4, channels))) > 2
    ]
    c, k, r, s = min(bad, default=(-1, -1, -1, -1))
    return None if c < 0 else (k, c, r, s)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 5), st.integers(1, 6), st.integers(1, 3), st.floats(0.2, 0.9), st.integers(0, 999))
def test_every_window_is_looked_at(outputs, windows, kernel, share, seed):
    random = np.random.default_rng(seed)
    weight = random.standard_normal((outputs, 4 * windows, kernel, kernel))
    weight[random.random(weight.shape) < share] = 0
    found, bad = verdict_of(layer(weight.shape), weight, 8), first_bad(weight)
    assert found.eligible == (bad is None)
    assert found.first_bad == bad
    assert first_bad(projected(weight)) is None


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3), st.integers(1, 3), st.floats(0.3, 0.8), st.integers(0, 999))
def test_polygraphy_agrees(outputs, windows, share, seed):
    sparse = pytest.importorskip("polygraphy.tools.sparse")
    random = np.random.default_rng(seed)
    weight = random.standard_normal((outputs, 4 * windows, 3, 1)).astype(np.float32)
    weight[random.random(weight.shape) < share] = 0
    for tried in (weight, projected(weight)):
        said = sparse.process_tensor(sparse.PruneInfo("w", 1), numpy_helper.from_array(tried, "w"), True)
        assert said == verdict_of(layer(weight.shape), tried, 32).eligible


@pytest.mark.parametrize(
    ("weight", "what", "reason", "detail"),
    [
        (None, layer((8, 8, 1, 1)), "computed", "computed weight"),
        (np.ones((8, 6, 1, 1)), layer((8, 6, 1, 1)), "C%4", "6 input channels"),
        (np.zeros((8, 4, 1, 1)), layer((8, 4, 1, 1), groups=2), "grouped", "2 convolution groups"),
        (np.zeros((8, 4, 1, 1)), layer((8, 4, 1, 1), op="ConvTranspose"), "transposed", "transposed"),
        (np.ones((8, 32, 1, 1)), layer((8, 32, 1, 1)), "N>16", "4 of 4 at (k,c,r,s) = (0, 0, 0, 0)"),
        (np.eye(32)[None, 3:, :, None].repeat(8, 0)[:, :, :1] * 0, layer((8, 29, 1, 1)), "C%4", "29 input channels"),
    ],
)
def test_reasons(weight, what, reason, detail):
    verdict = verdict_of(what, weight, 32)
    assert not verdict.eligible and verdict.reason == reason and detail in verdict.detail


def test_one_full_window_is_named():
    weight = np.zeros((8, 64, 3, 3))
    weight[5, 40:43, 2, 1] = 1.0
    verdict = verdict_of(layer(weight.shape), weight, 32)
    assert (verdict.reason, verdict.detail) == ("window", "3 of 4 at (k,c,r,s) = (5, 40, 2, 1)")

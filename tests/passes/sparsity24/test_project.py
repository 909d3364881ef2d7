"""Projection: the nearest weights, also of stored integers, and a true report."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slsc.errors import PlanError
from slsc.passes.base import PassContext
from slsc.passes.graph import initializers
from slsc.passes.pipeline import Pipeline
from slsc.passes.sparsity24.project import ProjectTo2to4, projected
from slsc.pattern import first_violation

TEXT = "g (float[n,3,h,w] x) => (float[n,3,h,w] y) { a = Conv(x, wa) b = Conv(a, wb) y = Conv(b, wc) }"
SHAPES = {"wa": (16, 3, 1, 1), "wb": (8, 16, 1, 1), "wc": (3, 8, 1, 1)}


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 9), st.integers(0, 999))
def test_no_2to4_weight_is_nearer(channels, seed):
    row = np.random.default_rng(seed).standard_normal(channels)
    found = projected(row.reshape(1, -1, 1, 1)).ravel()
    assert np.all((found == row) | (found == 0))
    for start in range(0, channels, 4):
        window = row[start : start + 4]
        best = max(np.square(window[list(two)]).sum() for two in combinations(range(len(window)), min(2, len(window))))
        assert np.isclose(np.square(found[start : start + 4]).sum(), best)


def test_the_report_says_what_was_lost(build):
    model = build(TEXT, **SHAPES)
    result = Pipeline([ProjectTo2to4(["wb"])]).run(model, PassContext())
    before, after = initializers(model)["wb"], initializers(result.model)["wb"]
    report = result.report["project-to-2to4"]["layers"]["wb"]
    assert report["dropped"] == np.count_nonzero(before) - np.count_nonzero(after) == before.size // 2
    assert np.isclose(1 - report["energy_lost"], np.square(after).sum() / np.square(before).sum())
    again = Pipeline([ProjectTo2to4(["wb"])]).run(result.model, PassContext())
    assert not again.modified and again.model == result.model
    assert first_violation(after, 16, 32) is None


def test_stored_integers_become_the_zero_point(build):
    text = (
        "g (float[n,3,h,w] x) => (float[n,3,h,w] y) "
        "{ a = Conv(x, wa) w = DequantizeLinear<axis=0>(q, s, z) b = Conv(a, w) y = Conv(b, wc) }"
    )
    integers = np.random.default_rng(0).integers(1, 100, (8, 16, 1, 1)).astype(np.uint8)
    held = {"q": integers, "s": np.full(8, 0.01, np.float32), "z": np.full(8, 7, np.uint8)}
    model = build(text, wa=SHAPES["wa"], wc=SHAPES["wc"], **held)
    after = initializers(Pipeline([ProjectTo2to4(["q"])]).run(model, PassContext()).model)["q"]
    assert np.all((after == integers) | (after == 7))
    assert np.all(np.count_nonzero(after.reshape(8, 4, 4) != 7, axis=2) <= 2)


def test_an_unknown_weight_is_refused(build):
    with pytest.raises(PlanError, match="no initializer"):
        Pipeline([ProjectTo2to4(["nothing"])]).run(build(TEXT, **SHAPES), PassContext())

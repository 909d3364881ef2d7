"""Baking: what is written, and every way in which plan, masks, weights and graph can disagree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from slsc.errors import PlanError
from slsc.passes.bake import BakeMasks, require_pattern
from slsc.passes.base import PassContext, PostconditionError
from slsc.passes.graph import initializers
from slsc.passes.pipeline import Pipeline
from slsc.pattern import nm_mask, rank_groups
from slsc.plan import LayerPlan, Plan, mask_digest

GRAPH = """net (float[n,3,h,w] x) => (float[n,3,h,w] y) {
  a = Conv <pads=[1,1,1,1]> (x, head, c)
  b = Conv <pads=[1,1,1,1]> (a, body)
  d = Conv <pads=[1,1,1,1]> (b, body)
  y = Conv <pads=[1,1,1,1]> (d, tail)
}"""
N, M = 4, 16


@pytest.fixture
def model(build):
    return build(GRAPH, head=(40, 3, 3, 3), c=(40,), body=(40, 40, 3, 3), tail=(3, 40, 3, 3))


def chosen(weight, rule="magnitude", n=N):
    mask = nm_mask(rank_groups(np.abs(weight), M, rule), n, M)
    return Plan((LayerPlan("body", n, M, rule, mask_digest(mask)),), "1/4", 0.25, "uniform"), {"body": mask}


def bake(model, *args):
    return Pipeline([BakeMasks(*args)]).run(model, PassContext())


@pytest.mark.parametrize("rule", ["magnitude", "magnitude+2:4"])
def test_weights_times_masks_are_written_and_nothing_else(model, rule):
    before = initializers(model)
    plan, masks = chosen(before["body"], rule)
    fresh = {"body": before["body"] * 1.5, "c": before["c"] + 1}
    result = bake(model, plan, fresh, masks)
    after = initializers(result.model)
    np.testing.assert_array_equal(after["body"], fresh["body"] * masks["body"])
    np.testing.assert_array_equal(after["c"], fresh["c"])
    assert all(np.array_equal(after[name], before[name]) for name in ("head", "tail"))
    assert result.report["bake-masks"] == {"written": ["body", "c"], "kept_weights": int(masks["body"].sum())}
    assert list(result.model.graph.node) == list(model.graph.node)
    assert all(
        np.array_equal(initializers(model)[name], before[name]) for name in before
    )  # the given model is untouched


def test_baking_twice_changes_nothing(model):
    plan, masks = chosen(initializers(model)["body"])
    once = bake(model, plan, {}, masks)
    twice = bake(once.model, plan, {}, masks)
    assert once.modified and not twice.modified and twice.model == once.model


def test_what_lies_under_the_mask_cannot_leak(model):
    plan, masks = chosen(initializers(model)["body"])
    spoiled = np.where(masks["body"], 1.0, np.nan).astype(np.float32)
    after = initializers(bake(model, plan, {"body": spoiled}, masks).model)["body"]
    assert np.array_equal(after, masks["body"]) and not np.signbit(after).any()


def test_half_precision_stays_half(build):
    text = "net (float16[n,3,h,w] x) => (float16[n,3,h,w] y) { a = Conv(x, head) b = Conv(a, body) y = Conv(b, tail) }"
    rng = np.random.default_rng(0)
    half = {
        name: rng.standard_normal(shape).astype(np.float16)
        for name, shape in {"head": (40, 3, 1, 1), "body": (40, 40, 1, 1), "tail": (3, 40, 1, 1)}.items()
    }
    model = build(text, **half)
    plan, masks = chosen(half["body"])
    after = initializers(bake(model, plan, {"body": half["body"].astype(np.float32) + 1e-5}, masks).model)["body"]
    assert after.dtype == np.float16
    with pytest.raises(PlanError, match="no finite float16"):
        bake(model, plan, {"body": np.full(half["body"].shape, 1e6, np.float32)}, masks)


def refused(model, plan, weights, masks, reason):
    with pytest.raises(PlanError, match=reason) as caught:
        bake(model, plan, weights, masks)
    return caught.value


def test_a_plan_for_another_network(model):
    plan, masks = chosen(initializers(model)["body"])
    for name in ("absent", "tail", "head"):
        other = replace(plan, layers=(replace(plan.layers[0], name=name),))
        assert refused(model, other, {}, {name: masks["body"]}, "does not fit the model").where == name


def test_masks_that_are_missing_misshapen_or_of_another_search(model):
    weight = initializers(model)["body"]
    plan, masks = chosen(weight)
    refused(model, plan, {}, {}, "no mask")
    refused(model, plan, {}, {"body": masks["body"][:1]}, "does not fit")
    refused(model, plan, {}, {"body": masks["body"].astype(np.uint8)}, "does not fit")
    refused(model, plan, {}, {"body": np.roll(masks["body"], 1, axis=0)}, "not the one")


def test_masks_that_break_the_pattern(model):
    weight = initializers(model)["body"]
    dense = np.ones(weight.shape, bool)
    plan = Plan((LayerPlan("body", N, M, "magnitude", mask_digest(dense)),), "1/4", 0.25, "uniform")
    assert "(0, 0, 0, 0)" in str(refused(model, plan, {}, {"body": dense}, "breaks the plan's pattern"))
    plan, masks = chosen(np.broadcast_to(np.linspace(1, 0, 40)[None, :, None, None], weight.shape))
    plan = replace(plan, layers=(replace(plan.layers[0], rule="magnitude+2:4"),))
    refused(model, plan, {}, masks, "2:4")


def test_weights_that_fit_no_initializer(model):
    plan, masks = chosen(initializers(model)["body"])
    refused(model, plan, {"absent": np.zeros(3)}, masks, "no initializer")
    refused(model, plan, {"body": np.zeros((1, 2, 3))}, masks, "shaped")
    refused(model, plan, {"c": np.full(40, np.inf, np.float32)}, masks, "no finite")


def test_the_pattern_is_checked_on_what_was_written(model):
    plan, _ = chosen(initializers(model)["body"])
    with pytest.raises(PostconditionError, match=r"more than 4:16"):
        require_pattern(plan, initializers(model))
    with pytest.raises(PostconditionError, match="missing"):
        require_pattern(plan, {})

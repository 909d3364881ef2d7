"""MACs and parameters against counts by hand, and plans against their masks."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slsc.errors import PlanError
from slsc.passes.analysis.cost import costs, output_scale, plan_cost
from slsc.pattern import nm_mask, rank_groups

NET = "net (float[n,3,h,w] x) => (float[n,3,H,W] y)"


def test_macs_counted_by_hand(build):
    model = build(
        f"""{NET} {{
            a = Conv <strides=[2,2], pads=[1,1,1,1]> (x, down, bias)
            r = Relu(a)
            b = Conv <group=2, pads=[1,1,1,1]> (r, body)
            c = Conv <group=2, pads=[1,1,1,1]> (b, body)
            s = Sigmoid(c)
            y = ConvTranspose <strides=[4,4]> (s, up)
        }}""",
        down=(16, 3, 3, 3),
        bias=(16,),
        body=(16, 8, 3, 3),
        up=(16, 3, 4, 4),
    )
    assert output_scale(model) == 2
    cost = costs(model, (40, 64))
    half = 10 * 16  # pixels after stride 2 of the 20x32 input
    assert (cost.input_hw, cost.output_hw) == ((20, 32), (40, 64))
    macs = {layer.name: layer.macs for layer in cost.layers}
    assert macs == {"down": 16 * 27 * half, "body": 2 * 16 * 8 * 9 * half, "up": 16 * 3 * 16 * half}
    assert cost.weight_macs == sum(macs.values()) and cost.prunable_macs == macs["body"]
    assert cost.bias_adds == 16 * half
    assert cost.activations == (("", "Relu", 16 * half), ("", "Sigmoid", 16 * half))
    assert cost.params == 16 * 27 + 16 + 16 * 72 + 16 * 48
    assert cost.macs_per_pixel == cost.weight_macs / 640


def test_gemm_and_matmul_count_too(build):
    text = f"""{NET} {{
        g = GlobalAveragePool(x)
        f = Flatten(g)
        h = Gemm <transB=1> (f, w1, b1)
        i = MatMul(h, w2)
        r = Reshape(i, shape)
        y = Mul(x, r)
    }}"""
    model = build(text, w1=(5, 3), b1=(5,), w2=(5, 3), shape=np.array([-1, 3, 1, 1]))
    cost = costs(model, (32, 32))
    assert {layer.name: layer.macs for layer in cost.layers} == {"w1": 15, "w2": 15}
    assert cost.bias_adds == 5 and cost.params == 35


@settings(max_examples=30)
@given(st.integers(8, 70), st.integers(1, 32), st.integers(1, 20))
def test_a_plans_cost_is_the_kept_weights_times_their_positions(build, channels, m, n):
    n = min(n, m)
    model = build(
        f"{NET} {{ a = Conv(x, head) b = Conv <pads=[1,1,1,1]> (a, body, c) y = Conv(b, tail) }}",
        head=(channels, 3, 1, 1),
        body=(4, channels, 3, 3),
        c=(4,),
        tail=(3, 4, 1, 1),
    )
    cost = costs(model, (32, 32))
    kept = nm_mask(rank_groups(np.random.default_rng(0).random((4, channels, 3, 3)), m), n, m).sum()
    plan = plan_cost(cost, {"body": n}, m)
    assert plan.prunable_weights == kept
    assert plan.prunable_macs == kept * 32 * 32
    assert plan.share == Fraction(int(kept), 4 * channels * 9)
    assert plan.weight_macs == cost.weight_macs - cost.prunable_macs + plan.prunable_macs
    assert plan.params == cost.params - cost.prunable_weights + kept
    assert plan_cost(cost, {}, m).weight_macs == cost.weight_macs


def test_a_plan_for_what_is_no_prunable_layer(build):
    model = build(f"{NET} {{ a = Conv(x, head) y = Conv(a, tail) }}", head=(16, 3, 1, 1), tail=(3, 16, 1, 1))
    with pytest.raises(PlanError, match="head"):
        plan_cost(costs(model, (32, 32)), {"head": 1}, 4)


def test_a_fixed_network_is_counted_at_its_size(build):
    model = build("net (float[1,3,24,32] x) => (float[1,3,24,32] y) { y = Conv (x, w) }", w=(3, 3, 1, 1))
    cost = costs(model, (720, 1280))
    assert cost.output_hw == (24, 32) and cost.weight_macs == 9 * 24 * 32


@pytest.mark.parametrize(("blocks", "taken"), [(32, (736, 1280)), (7, (721, 1281)), (12, (720, 1284))])
def test_a_network_that_does_not_take_a_size_is_counted_at_the_next_that_it_takes(build, blocks, taken):
    text = f"""{NET} {{ a = SpaceToDepth <blocksize={blocks}> (x) b = Conv(a, w)
        y = DepthToSpace <blocksize={blocks}, mode="CRD"> (b) }}"""
    model = build(text, w=(3 * blocks**2, 3 * blocks**2, 1, 1))
    assert costs(model, (720, 1280)).output_hw == taken

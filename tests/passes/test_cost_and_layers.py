"""Eligibility, exact shapes, MACs counted by hand, and the activations' peak memory."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slsc.errors import ModelError, PlanError
from slsc.passes import verify
from slsc.passes.cost import costs, output_scale, plan_cost
from slsc.passes.layers import conv_layers, prunable_layers
from slsc.passes.liveness import bytes_per_pixel
from slsc.passes.shapes import concrete_shapes, sample_sizes
from slsc.pattern import nm_mask, rank_groups

NET = "net (float[n,3,h,w] x) => (float[n,3,H,W] y)"


def test_each_layer_is_prunable_or_says_why(build):
    model = build(
        f"""{NET} {{
            a = Conv <pads=[1,1,1,1]> (x, head)
            b = Conv <pads=[1,1,1,1], group=4> (a, grouped)
            c = Conv <pads=[1,1,1,1], group=32> (b, depthwise)
            d = Conv <strides=[2,2]> (c, body)
            e = ConvTranspose <strides=[2,2]> (d, up)
            k = Neg(up)
            f = ConvTranspose (e, k)
            g = Conv (f, body)
            y = Conv (g, tail)
        }}""",
        head=(32, 3, 3, 3),
        grouped=(32, 8, 3, 3),
        depthwise=(32, 1, 3, 3),
        body=(32, 32, 1, 1),
        up=(32, 32, 1, 1),
        tail=(3, 32, 1, 1),
    )
    layers = {layer.name: layer for layer in conv_layers(model)}
    assert list(layers) == ["head", "grouped", "depthwise", "body", "up", "k", "tail"]
    assert [layer.name for layer in prunable_layers(model)] == ["grouped", "body"]
    assert layers["grouped"].groups == 4 and layers["grouped"].kernel == (3, 3)
    assert layers["body"].uses == 2 and layers["body"].strides == (2, 2) and layers["body"].reason == ""
    reasons = {"head": "3 input", "depthwise": "1 input", "up": "transposed", "k": "transposed", "tail": "image of 3"}
    for name, part in reasons.items():
        assert part in layers[name].reason and layers[name].node in layers[name].reason


def test_every_convolution_into_an_image_stays_dense(build):
    """One per level in multi-level networks, and the one before a colour shift written as a 1x1 convolution."""
    model = build(
        f"{NET} {{ a = Conv(x, head) b = Conv(a, tail) c = Conv(b, head) d = Conv(c, tail) y = Conv(d, shift) }}",
        head=(16, 3, 1, 1),
        tail=(3, 16, 1, 1),
        shift=(3, 3, 1, 1),
    )
    assert not any(layer.prunable for layer in conv_layers(model))


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


RESIZE = f"""{NET} {{
    p = MaxPool <kernel_shape=[7,7], strides=[3,3]> (x)
    s = Shape(x)
    spatial = Slice(s, two, four)
    channels = Slice(s, zero, two)
    size = Concat <axis=0> (channels, spatial)
    r = Resize <mode="linear"> (p, , , size)
    y = Add(x, r)
}}"""


@pytest.fixture
def attention(build):
    """A Resize whose size is computed from another tensor's Shape, where onnx.shape_inference gives up."""
    return build(RESIZE, zero=np.array([0]), two=np.array([2]), four=np.array([4]))


def test_computed_sizes_are_exact(attention, image):
    for size in ((17, 23), (64, 50)):
        shapes = concrete_shapes(attention, size)
        made = verify.run(verify.session(attention), image(*size)).shape
        assert shapes.of["y"] == made == (1, 3, *size)
        assert shapes.of["p"] == (1, 3, (size[0] - 7) // 3 + 1, (size[1] - 7) // 3 + 1)
        assert shapes.values["size"].tolist() == [1, 3, *size]


def test_a_size_that_does_not_fit_names_the_node(build):
    model = build(f"{NET} {{ y = Conv <pads=[1,1,1,1]> (x, w) z = Add(y, p) }}", w=(3, 3, 3, 3), p=(1, 3, 64, 96))
    assert concrete_shapes(model, (64, 96)).of["z"] == (1, 3, 64, 96)
    with pytest.raises(ModelError, match="Add making 'z': does not accept a 30x40 image"):
        concrete_shapes(model, (30, 40))
    assert sample_sizes(model) == [(64, 96), (64, 96)]


def test_peak_memory_counts_what_lives_at_once(build):
    """x (3) is needed to the end; the widest moment holds x, a (16) and b (32) at once."""
    model = build(
        f"{NET} {{ a = Conv(x, w) b = Conv(a, u) c = Conv(b, v) y = Add(x, c) }}",
        w=(16, 3, 1, 1),
        u=(32, 16, 1, 1),
        v=(3, 32, 1, 1),
    )
    assert bytes_per_pixel(model) == 4 * (3 + 16 + 32)


def test_peak_memory_is_per_input_pixel(build):
    model = build(f"{NET} {{ a = Conv(x, w) y = DepthToSpace <blocksize=2> (a) }}", w=(12, 3, 1, 1))
    assert bytes_per_pixel(model) == 4 * (12 + 12)

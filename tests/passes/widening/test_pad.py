"""Padded networks: the same output whatever the graph, wider values, zeros that nobody reads."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from slsc.errors import ModelError
from slsc.passes import verify
from slsc.passes.analysis.roofline import DEVICES, Device, bounds
from slsc.passes.analysis.shapes import concrete_shapes
from slsc.passes.base import PassContext, PreconditionError
from slsc.passes.graph import attribute, initializers
from slsc.passes.narrowing import follow_channels
from slsc.passes.pipeline import Pipeline
from slsc.passes.widening.layout import layout
from slsc.passes.widening.pad import PadChannels, why_not
from slsc.passes.widening.worth import pad

ORIN = DEVICES["orin-nano"]


@settings(max_examples=60, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_random_graphs(random_graph, data):
    model = random_graph(data.draw).model()
    channels, multiple = follow_channels(model), data.draw(st.sampled_from((2, 4, 8)))
    more = {
        width.classes[-1]: -len(width.classes) % multiple
        for width in channels.widths
        if not why_not(model, channels, width) and data.draw(st.booleans())
    }
    result = Pipeline([PadChannels(channels, more)]).run(model, PassContext())
    onnx.checker.check_model(result.model, full_check=True)
    image = np.random.default_rng(1).random((2, 3, 8, 8), np.float32)
    difference = verify.compare(model, result.model, [image])
    assert difference.range > 0 and difference.relative < 1e-5
    assert result.modified == any(more.values())


def between(body: str) -> str:
    return f"g (float[n,3,h,w] x) => (float[n,3,h,w] y) {{ a = Conv(x, wa, ba) {body} y = Conv(b, wb) }}"


ENDS = {"wa": (6, 3, 1, 1), "ba": (6,), "wb": (3, 6, 1, 1)}


def padded(model: onnx.ModelProto, multiple: int, which: str = "always", device: Device = ORIN):
    image = np.random.default_rng(0).random((1, 3, 16, 24), np.float32)
    return pad(model, multiple, which, device, (720, 1280), PassContext((image,)))


def test_numbers_in_nodes_follow(build):
    body = "c = Conv<group=6>(a, wc) d, e = Split<axis=1>(c, sizes) b = Concat<axis=1>(e, d)"
    model = build(between(body), **ENDS, wc=(6, 1, 1, 1), sizes=np.array([4, 2]))
    found = padded(model, 4)
    nodes = {node.op_type: node for node in found.model.graph.node}
    arrays = initializers(found.model)
    convs = [node for node in found.model.graph.node if node.op_type == "Conv"]
    assert [attribute(node, "group", 1) for node in convs] == [1, 8, 1]
    assert arrays[nodes["Split"].input[1]].tolist() == [4, 4]
    assert arrays["wb"].shape == (3, 8, 1, 1)
    assert np.all(arrays["wb"][:, 2:4] == 0) and np.all(arrays["wa"][6:] == 0) and np.all(arrays["ba"][6:] == 0)
    assert found.max_abs < 1e-6
    assert found.macs[1] / found.macs[0] == pytest.approx(8 / 6)


def test_new_channels_go_where_shuffles_want_them():
    rows = layout(np.array([1, 1, 1, 1, 2, 2, 2, 2]), {2: 1})
    assert rows.sources.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7] and rows.fresh[-4:].all()
    between_each = layout(np.array([1, 2, 1, 2]), {2: 2})
    assert between_each.sources.tolist() == [0, 1, 1, 1, 2, 3, 3, 3]
    assert between_each.fresh.tolist() == [False, False, True, True] * 2


@pytest.mark.parametrize("body", ["one = Conv(x, wa) b = Div(a, one)", "b = Reciprocal(a)", "c = Abs(a) b = Log(c)"])
def test_zeros_are_not_divided_by(build, body):
    model = build(between(body), **ENDS)
    with pytest.raises(ModelError, match="not finite") as caught:
        padded(model, 4)
    assert caught.value.hint == "use --pad auto, or --pad never"
    left = padded(model, 4, "auto")
    assert left.model is model and not left.added and left.widths[0].refused
    channels = follow_channels(model)
    with pytest.raises(PreconditionError, match="cannot be padded"):
        Pipeline([PadChannels(channels, {channels.widths[0].classes[-1]: 2})]).run(model, PassContext())


def test_it_is_padded_where_that_pays(build):
    body = "c = Conv<pads=[1,1,1,1]>(a, wc) b = Conv<pads=[1,1,1,1]>(c, wd)"
    held = {"wa": (126, 3, 1, 1), "ba": (126,), "wb": (3, 126, 1, 1), "wc": (126, 126, 3, 3), "wd": (126, 126, 3, 3)}
    model = build(between(body), **held)
    slow_memory = Device("slow memory", 17e12, 34e12, 1e9)
    assert not padded(model, 4, "auto", slow_memory).added
    found = padded(model, 4, "auto")
    assert found.added > 0 and found.seconds[1] < found.seconds[0]
    assert padded(model, 4, "never").model is model


def test_no_more_is_padded_than_fits(build):
    """Two widths of 6: one is read alone, the other with a third of 2 beside it."""
    body = "c = Conv(a, wc) d = Conv(c, wd) e = Concat<axis=1>(c, d) f = Conv(e, we) b = Conv(f, wf)"
    held = {"wa": (8, 3, 1, 1), "ba": (8,), "wb": (3, 8, 1, 1), "wc": (10, 8, 1, 1), "wd": (6, 10, 1, 1)}
    model = build(between(body), **held, we=(10, 16, 1, 1), wf=(8, 10, 1, 1))
    found = padded(model, 4, "fit")
    assert {(width.value, width.added) for width in found.widths} == {("c", 2), ("d", 2), ("f", 2)}
    alone = {**held, "wd": (6, 10, 1, 1), "wg": (6, 10, 1, 1)}
    text = between("c = Conv(a, wc) d = Conv(c, wd) g = Conv(c, wg) e = Concat<axis=1>(d, g) b = Conv(e, we)")
    found = padded(build(text, **alone, we=(8, 12, 1, 1)), 4, "fit")
    assert {(width.value, width.added) for width in found.widths} == {("c", 2), ("d", 0), ("g", 0)}


def test_bounds_of_a_layer(build):
    model = build(between("b = Relu(a)"), **ENDS)
    device = Device("round", 1e9, 2e9, 1e9)
    bound = bounds(model, concrete_shapes(model, (64, 96)), device)["wb"]
    pixels = 64 * 96
    assert bound.math == pytest.approx(2 * pixels * 8 * 8 / 1e9)
    assert bound.sparse_math == pytest.approx(2 * pixels * 16 * 16 / 2e9)
    assert bound.memory == pytest.approx(2 * (pixels * (8 + 8) + 18) / 1e9)
    assert bound.by == "math" and bound.at_best == pytest.approx(bound.math / max(bound.sparse_math, bound.memory))

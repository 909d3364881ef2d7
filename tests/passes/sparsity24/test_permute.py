"""Permuted channels: the same function whatever the graph, and what may not be permuted."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from slsc.passes import verify
from slsc.passes.base import PassContext, PreconditionError
from slsc.passes.graph import initializers
from slsc.passes.narrowing import follow_channels
from slsc.passes.pipeline import Pipeline
from slsc.passes.sparsity24.freedom import orbits, sources
from slsc.passes.sparsity24.permute import PermuteChannels


def shuffled(model: onnx.ModelProto, seed: int) -> tuple[PermuteChannels, int]:
    """Every orbit in a random order, and how many channels that moves."""
    channels = follow_channels(model)
    order, random = np.arange(channels.count), np.random.default_rng(seed)
    for orbit in orbits(model, channels):
        order[list(orbit.classes)] = random.permutation(orbit.classes)
    return PermuteChannels(channels, order), int((order != np.arange(channels.count)).sum())


@settings(max_examples=60, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_random_graphs(random_graph, data):
    model = random_graph(data.draw).model()
    step, _ = shuffled(model, data.draw(st.integers(0, 99)))
    result = Pipeline([step]).run(model, PassContext()).model
    onnx.checker.check_model(result, full_check=True)
    image = np.random.default_rng(1).random((2, 3, 8, 8), np.float32)
    difference = verify.compare(model, result, [image])
    assert difference.range > 0 and difference.relative < 1e-4


def between(body: str) -> str:
    return f"g (float[n,3,h,w] x) => (float[n,3,h,w] y) {{ a = Conv(x, wa, ba) {body} y = Conv(b, wb) }}"


SQUARE = {"wc": (8, 8, 1, 1)}
ENDS = {"wa": (8, 3, 3, 3), "ba": (8,), "wb": (3, 8, 1, 1)}


@pytest.mark.parametrize(
    ("body", "held", "free"),
    [
        ("b = Relu(a)", {}, [8]),
        ("c = PRelu(a, s) b = Add(c, a)", {"s": (8, 1, 1)}, [8]),
        ("c = Conv(a, wc) b = Add(c, a)", SQUARE, [8]),
        ("c = Conv(a, wc) d = Concat<axis=1>(a, c) b = Conv(d, wd)", {**SQUARE, "wd": (8, 16, 1, 1)}, [8, 8, 8]),
        ('d = Conv(a, wc) b = DepthToSpace<blocksize=2,mode="CRD">(d)', {"wc": (32, 8, 1, 1)}, [8, 8]),
        ("b = Softmax<axis=1>(a)", {}, []),
    ],
    ids=["chain", "slopes", "residual", "concatenation", "pixel shuffle", "softmax"],
)
def test_what_may_change_places(build, proven, body, held, free):
    model = build(between(body), **ENDS, **held)
    channels = follow_channels(model)
    assert [len(orbit.classes) for orbit in orbits(model, channels)] == free
    step, moved = shuffled(model, 3)
    result = Pipeline([step]).run(model, PassContext((np.random.default_rng(0).random((1, 3, 8, 8), np.float32),)))
    assert result.modified == (moved > 0)
    if moved:
        assert result.report["permute-channels"]["difference"]["max_abs"] < 1e-5
        assert not np.array_equal(initializers(model)["wa"], initializers(result.model)["wa"])


def test_sub_pixels_stay_together():
    ids = np.array([1, 1, 1, 1, 2, 2, 2, 2])
    assert sources(ids, np.array([0, 2, 1])).tolist() == [4, 5, 6, 7, 0, 1, 2, 3]
    interleaved = np.array([1, 2, 1, 2, 1, 2, 1, 2])
    assert sources(interleaved, np.array([0, 2, 1])).tolist() == [1, 0, 3, 2, 5, 4, 7, 6]


def test_an_order_that_breaks_the_network_is_refused(build):
    model = build(between("c = Conv(a, wc) b = Conv(c, wd)"), **ENDS, wc=(8, 8, 1, 1), wd=(8, 8, 1, 1))
    channels = follow_channels(model)
    same = np.arange(channels.count)
    across, image, twice = same.copy(), same.copy(), same.copy()
    first, second = (orbit.classes for orbit in orbits(model, channels)[:2])
    across[[first[0], second[0]]] = second[0], first[0]
    image[[0, first[0]]] = first[0], 0
    twice[first[0]] = first[1]
    other = build(between("b = Relu(a)"), wa=(6, 3, 3, 3), ba=(6,), wb=(3, 6, 1, 1))
    for target, order, why in (
        (model, across, "leave its orbit"),
        (model, image, "leave its orbit"),
        (model, twice, "no permutation"),
        (other, same, "another network"),
    ):
        with pytest.raises(PreconditionError, match=why):
            Pipeline([PermuteChannels(channels, order)]).run(target, PassContext())

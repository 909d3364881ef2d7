"""What is tied, what is kept, and what is told the new numbers."""

from __future__ import annotations

import numpy as np
import pytest

from slsc.passes.base import PassContext, PreconditionError
from slsc.passes.graph import attribute, initializers
from slsc.passes.narrowing import NarrowChannels, follow_channels
from slsc.passes.pipeline import Pipeline


def widths(channels) -> list[int]:
    return sorted(len(width.classes) for width in channels.widths)


def between(body: str, made: int = 8) -> str:
    """A graph with `body` from `a`, of 8 channels, to `b`, of `made`."""
    return f"g (float[n,3,h,w] x) => (float[n,3,h,w] y) {{ a = Conv(x, wa) {body} y = Conv(b, wb) }}"


WEIGHTS = {"wa": (8, 3, 1, 1), "wb": (3, 8, 1, 1)}


@pytest.mark.parametrize(
    ("body", "held"),
    [
        ("b = Softmax<axis=1>(a)", {}),
        ("b = ReduceMax<axes=[1]>(a) ", {"wb": (3, 1, 1, 1)}),
        ("t = Transpose<perm=[0,2,1,3]>(a) r = Relu(t) b = Transpose<perm=[0,2,1,3]>(r)", {}),
        ("s = Shape(a) r = Reshape(a, s) b = Relu(r)", {}),
        ("q = Reshape(a, flat) p = MatMul(q, m) b = Reshape(p, back)", {"m": (64, 64)}),
        ("s = Shape(a) c = Gather(s, one) e = ConstantOfShape(c) f = ReduceSum(e) b = Mul(a, f)", {}),
        ("b = MaxUnpool<kernel_shape=[1,1]>(a, i)", {}),
    ],
    ids=["softmax", "reduce", "transpose", "reshape", "attention", "count", "indices"],
)
def test_channels_that_cannot_be_followed_stay(build, body: str, held) -> None:
    if "MaxUnpool" in body:
        body = "p, i = MaxPool<kernel_shape=[1,1]>(a) " + body.replace("(a, i)", "(p, i)")
    extra = {"flat": np.array([0, -1, 64]), "back": np.array([0, 8, 64, 96]), "one": np.array([1])}
    used = {name: value for name, value in extra.items() if f" {name})" in body}
    channels = follow_channels(build(between(body), **{**WEIGHTS, **used, **held}))
    assert channels.widths == ()
    assert len(channels.kept) == 1 and channels.kept[0].split()[0] in body


def test_what_lies_on_the_other_side_may_still_go(build) -> None:
    text = between("s = Softmax<axis=1>(a) c = Conv(s, wc) b = Relu(c)")
    channels = follow_channels(build(text, **WEIGHTS, wc=(8, 8, 1, 1)))
    assert [width.value for width in channels.widths] == ["c"] and widths(channels) == [8]


def test_channels_of_images_stay(build) -> None:
    shifted = (
        "g (float[n,3,h,w] x) => (float[n,3,h,w] y) { m = Conv(x, wm) a = Conv(m, wa) b = Conv(a, wb) y = Add(b, x) }"
    )
    channels = follow_channels(build(shifted, wm=(3, 3, 1, 1), **WEIGHTS))
    assert [width.value for width in channels.widths] == ["a"]


@pytest.mark.parametrize(
    ("body", "held", "expected"),
    [
        ("c = Conv(a, wc) b = Add(a, c)", {"wc": (8, 8, 1, 1)}, [8]),
        ("c = Conv(a, wc) b = Mul(a, c)", {"wc": (1, 8, 1, 1)}, [8]),
        ("c = Conv(a, wc) b = Concat<axis=1>(a, c)", {"wc": (6, 8, 1, 1), "wb": (3, 14, 1, 1)}, [6, 8]),
        ("c = Conv<group=8>(a, wc) b = Relu(c)", {"wc": (16, 1, 3, 3), "wb": (3, 16, 1, 1)}, [8]),
        ("c = Conv<group=2>(a, wc) b = Relu(c)", {"wc": (6, 4, 3, 3), "wb": (3, 6, 1, 1)}, [3, 4]),
        ("c = ConvTranspose<group=8>(a, wc) b = Relu(c)", {"wc": (8, 1, 3, 3)}, [8]),
        ("c = ConvTranspose<group=2>(a, wc) b = Relu(c)", {"wc": (8, 3, 3, 3), "wb": (3, 6, 1, 1)}, [3, 4]),
        ("b = DepthToSpace<blocksize=2>(a)", {"wb": (3, 2, 1, 1)}, [2]),
        ("b = SpaceToDepth<blocksize=2>(a)", {"wb": (3, 32, 1, 1)}, [8]),
        (
            "t = Slice(a, zero, eight, row) u = Slice(a, eight, all, row) c = Conv(t, wc) b = Concat<axis=2>(c, u)",
            {
                "wc": (8, 8, 1, 1),
                "zero": np.array([0]),
                "eight": np.array([8]),
                "all": np.array([999]),
                "row": np.array([2]),
            },
            [8],
        ),
        ("c, d = Split<axis=1>(a, sizes) b = Relu(d)", {"sizes": np.array([3, 5]), "wb": (3, 5, 1, 1)}, [3, 5]),
    ],
    ids=[
        "add",
        "gate",
        "concat",
        "depthwise",
        "grouped",
        "depthwise-up",
        "grouped-up",
        "shuffle",
        "unshuffle",
        "patches",
        "split",
    ],
)
def test_what_goes_together(build, image, proven, some, body, held, expected) -> None:
    model = build(between(body), **{**WEIGHTS, **held})
    channels = follow_channels(model)
    assert widths(channels) == expected and not channels.kept
    proven(model, channels, some(channels), image(16, 24))


@pytest.mark.parametrize(
    "size",
    ["s = Shape(a) n = Slice(s, zero, two) m = Slice(s, two, four) d = Add(m, m) sizes = Concat<axis=0>(n, d)", ""],
    ids=["computed", "constant"],
)
def test_enlarging_to_a_size(build, image, proven, some, size: str) -> None:
    names = {"zero": np.array([0]), "two": np.array([2]), "four": np.array([4])} if size else {}
    fixed = {} if size else {"sizes": np.array([1, 8, 32, 48])}
    text = between(f'{size} b = Resize<mode="nearest">(a, , , sizes)')
    text = text if size else text.replace("n,3,h,w] x", "1,3,16,24] x")
    model = build(text, **WEIGHTS, **names, **fixed)
    channels = follow_channels(model)
    assert widths(channels) == [8]
    proven(model, channels, some(channels), image(16, 24))


def test_a_size_computed_from_other_channels_keeps_both(build) -> None:
    body = (
        "c = Conv(a, wc) s = Shape(c) n = Slice(s, zero, two) m = Slice(s, two, four) sizes = Concat<axis=0>(n, m) "
        'b = Resize<mode="nearest">(a, , , sizes)'
    )
    held = {"zero": np.array([0]), "two": np.array([2]), "four": np.array([4]), "wc": (8, 8, 1, 1)}
    channels = follow_channels(build(between(body), **WEIGHTS, **held))
    assert channels.widths == () and "channels of 'c'" in channels.kept[0]


def test_numbers_in_nodes_follow(build, some) -> None:
    body = (
        "c = Conv<group=8>(a, wc) d, e = Split<axis=1>(c, sizes) f = Slice(d, two, four, one) b = Concat<axis=1>(e, f)"
    )
    held = {"sizes": np.array([5, 3]), "one": np.array([1]), "two": np.array([2]), "four": np.array([4])}
    model = build(between(body), wa=(8, 3, 1, 1), wb=(3, 5, 1, 1), wc=(8, 1, 3, 3), **held)
    channels = follow_channels(model)
    keep = channels.every()
    keep[channels.values["a"][[0, 3, 6]]] = False
    result = Pipeline([NarrowChannels(channels, keep)]).run(model, PassContext())
    nodes, arrays = {node.op_type: node for node in result.model.graph.node}, initializers(result.model)
    convs = [node for node in result.model.graph.node if node.op_type == "Conv"]
    assert [attribute(node, "group", 1) for node in convs] == [1, 5, 1]
    assert arrays[nodes["Split"].input[1]].tolist() == [3, 2]
    assert [arrays[name].tolist() for name in nodes["Slice"].input[1:]] == [[1], [2], [1]]
    assert arrays["wb"].shape == (3, 3, 1, 1)
    assert {"value": "e", "channels": 3, "kept": 2} in result.report["narrow-channels"]["widths"] or result.modified


def test_an_impossible_choice_is_refused(build) -> None:
    model = build(between("b = Relu(a)"), **WEIGHTS)
    channels = follow_channels(model)
    nothing = channels.every()
    nothing[1:] = False
    other = build(between("b = Relu(a)"), wa=(6, 3, 1, 1), wb=(3, 6, 1, 1))
    for target, keep, why in (
        (model, nothing, "every channel of a width"),
        (model, channels.every()[:-1], "does not fit"),
        (model, ~channels.every(), "does not fit"),
        (other, channels.every(), "another network"),
    ):
        with pytest.raises(PreconditionError, match=why):
            Pipeline([NarrowChannels(channels, keep)]).run(target, PassContext())

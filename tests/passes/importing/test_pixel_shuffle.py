"""Spelled-out pixel shuffles become DepthToSpace; what only looks like one does not."""

from __future__ import annotations

import numpy as np
import pytest

from slsc.passes import verify
from slsc.passes.analysis.receptive_field import receptive_field
from slsc.passes.base import PassContext, PreconditionError
from slsc.passes.graph import attribute, initializers, opset
from slsc.passes.importing.import_model import import_pipeline
from slsc.passes.importing.opset import RaiseOpset
from slsc.passes.importing.pixel_shuffle import FusePixelShuffle


def shuffle(perm, six, four, hw="8,12", tail="y = Reshape(t, four)"):
    text = f"""net (float[n,3,{hw}] x) => (float[n,c,H,W] y) {{
        a = Conv <pads=[1,1,1,1]> (x, w)
        s = Reshape(a, six)
        t = Transpose <perm={perm}> (s)
        {tail}
    }}"""
    return text, {"six": np.array(six), "four": np.array(four), "w": (12, 3, 3, 3)}


@pytest.mark.parametrize(
    ("perm", "six", "mode"),
    [([0, 1, 4, 2, 5, 3], [-1, 3, 2, 2, 8, 12], "CRD"), ([0, 3, 4, 1, 5, 2], [-1, 2, 2, 3, 8, 12], "DCR")],
)
def test_both_orders_are_recognised(build, image, perm, six, mode):
    text, values = shuffle(perm, six, [-1, 3, 16, 24])
    model = build(text, **values)
    result = FusePixelShuffle().run(model, PassContext())
    node = result.model.graph.node[-1]
    assert (node.op_type, attribute(node, "blocksize"), attribute(node, "mode")) == ("DepthToSpace", 2, mode)
    assert set(initializers(result.model)) == {"w"}
    assert verify.compare(model, result.model, [image(8, 12)]).max_abs == 0


def test_computed_targets_are_recognised_too(build, image):
    text = """net (float[n,3,h,w] x) => (float[n,c,H,W] y) {
        a = Conv <pads=[1,1,1,1]> (x, w)
        full = Shape(a)
        rows = Slice(full, two, three)
        columns = Slice(full, three, four)
        six = Concat <axis=0> (head, rows, columns)
        s = Reshape(a, six)
        t = Transpose <perm=[0,1,4,2,5,3]> (s)
        r2 = Mul(rows, two)
        c2 = Mul(columns, two)
        end = Concat <axis=0> (outer, r2, c2)
        y = Reshape(t, end)
    }"""
    ints = {name: np.array([value]) for name, value in {"two": 2, "three": 3, "four": 4}.items()}
    model = build(text, w=(12, 3, 3, 3), head=np.array([-1, 3, 2, 2]), outer=np.array([-1, 3]), **ints)
    result = import_pipeline().run(model, PassContext((image(9, 14),)))
    assert [node.op_type for node in result.model.graph.node] == ["Conv", "DepthToSpace"]
    assert result.report["fuse-pixel-shuffle"]["difference"]["max_abs"] == 0


@pytest.mark.parametrize(
    "case",
    [
        shuffle([0, 1, 4, 2, 5, 3], [-1, 3, 2, 2, 12, 8], [-1, 3, 24, 16]),
        shuffle([0, 1, 4, 2, 5, 3], [-1, 3, 4, 1, 8, 12], [-1, 3, 32, 12]),
        shuffle([0, 1, 5, 2, 4, 3], [-1, 3, 2, 2, 8, 12], [-1, 3, 24, 16]),
        shuffle([0, 1, 4, 2, 5, 3], [-1, 3, 2, 2, 8, 12], [-1, 3, 16, 24], tail="r = Relu(t) y = Reshape(r, four)"),
        shuffle(
            [0, 1, 4, 2, 5, 3],
            [-1, 3, 2, 2, 8, 12],
            [-1, 3, 16, 24],
            tail="z = Reshape(t, four) q = Reshape(s, four) y = Add(z, q)",
        ),
    ],
)
def test_what_only_looks_like_one_is_left_alone(build, case):
    text, values = case
    result = FusePixelShuffle().run(build(text, **values), PassContext())
    assert not result.modified and "no pixel shuffle" in result.report["refused"][0]


@pytest.mark.parametrize(
    ("perm", "deep", "ops"),
    [
        ([0, 1, 3, 5, 2, 4], 12, ["SpaceToDepth", "Gather"]),
        ([0, 3, 5, 1, 2, 4], 12, ["SpaceToDepth"]),
        ([0, 1, 3, 5, 2, 4], 4, ["SpaceToDepth"]),
    ],
)
def test_unshuffles_are_recognised_and_freed(build, image, perm, deep, ops):
    c = deep // 4
    text = f"""net (float[1,{c},16,24] x) => (float[1,{c},16,24] y) {{
        s = Reshape(x, six)
        t = Transpose <perm={perm}> (s)
        u = Reshape(t, four)
        a = Conv <pads=[1,1,1,1]> (u, w)
        y = DepthToSpace <blocksize=2, mode="CRD"> (a)
    }}"""
    model = build(text, six=np.array([1, c, 8, 2, 12, 2]), four=np.array([1, deep, 8, 12]), w=(deep, deep, 3, 3))
    result = import_pipeline().run(model, PassContext((image(16, 24, c),)))
    assert [node.op_type for node in result.model.graph.node] == [*ops, "Conv", "DepthToSpace"]
    assert result.report["fuse-pixel-shuffle"]["difference"]["max_abs"] == 0
    assert "height" in result.report["free-size"]["freed"]
    field = receptive_field(result.model)
    assert field.exact and field.align == 2 and field.radius == 3


def test_roundabout_spellings_are_recognised(build, image):
    """As torch writes pixel_unshuffle with free sizes: with an axis more on the way, and shapes left to be told."""
    text = """net (float[n,3,h,w] x) => (float[n,c,H,W] y) {
        five = Unsqueeze(x, two)
        rows = Reshape(five, split_rows)
        six = Reshape(rows, split_columns)
        t = Transpose <perm=[0,1,3,5,2,4]> (six)
        u = Reshape(t, merge)
        v = Unsqueeze(u, two)
        w1 = Squeeze(v, two)
        y = DepthToSpace <blocksize=2, mode="CRD"> (w1)
    }"""
    model = build(
        text,
        two=np.array([2]),
        split_rows=np.array([0, 3, -1, 2, 12]),
        split_columns=np.array([0, 3, -1, 2, 6, 2]),
        merge=np.array([0, 12, -1, 6]),
    )
    del model.graph.input[0].type.tensor_type.shape.dim[2:]
    for side in (8, 12):
        model.graph.input[0].type.tensor_type.shape.dim.add().dim_value = side
    result = import_pipeline().run(model, PassContext((image(8, 12),)))
    assert [node.op_type for node in result.model.graph.node] == ["SpaceToDepth", "Gather", "DepthToSpace"]


@pytest.mark.parametrize("opset", range(7, 13))
def test_shuffles_of_old_operator_sets_are_recognised(build, image, opset):
    """As torch's exporter writes pixel_shuffle there; axes are attributes until operator set 13."""
    text = """net (float[n,3,h,w] x) => (float[n,c,H,W] y) {
        a = Conv <pads=[1,1,1,1]> (x, w)
        six = Unsqueeze <axes=[2,3]> (a)
        s = Reshape(six, split)
        t = Transpose <perm=[0,1,4,2,5,3]> (s)
        rows = Reshape(t, merge_rows)
        columns = Reshape(rows, merge_columns)
        y = Squeeze <axes=[3,5]> (columns)
    }"""
    targets = {"split": [0, -1, 2, 2, 0, 0], "merge_rows": [0, 0, -1, 1, 0, 0], "merge_columns": [0, 0, 0, 0, -1, 1]}
    model = build(text, opset=opset, w=(12, 3, 3, 3), **{name: np.array(value) for name, value in targets.items()})
    result = import_pipeline().run(model, PassContext((image(9, 14),)))
    node = result.model.graph.node[-1]
    assert [step.op_type for step in result.model.graph.node] == ["Conv", "DepthToSpace"]
    assert (attribute(node, "blocksize"), attribute(node, "mode")) == (2, "CRD")
    assert result.report["fuse-pixel-shuffle"]["difference"]["max_abs"] == 0


def test_crd_needs_operator_set_11(build):
    text, values = shuffle([0, 1, 4, 2, 5, 3], [-1, 3, 2, 2, 8, 12], [-1, 3, 16, 24])
    old = build(text, opset=10, **values)
    with pytest.raises(PreconditionError, match="operator set 11"):
        FusePixelShuffle().requires(old, PassContext())
    raised = RaiseOpset().run(old, PassContext())
    assert raised.modified and opset(raised.model) == 11
    assert list(initializers(raised.model)) == list(initializers(old))
    FusePixelShuffle().requires(raised.model, PassContext())


def random_step(rng, shape, opset, step):
    """A node that rearranges t<step>, of a shape, into the next tensor; what else it takes; and the shape after it."""
    given, other = f"t{step}", f"v{step}"
    ones = [axis for axis, size in enumerate(shape) if size == 1]
    match rng.choice(["Reshape", "Transpose", "Unsqueeze", *(["Squeeze"] if ones else [])]):
        case "Reshape":
            after = [2, 2, 3, 24] if rng.random() < 0.5 else [1, 3, 12, 8]
            return f"Reshape({given}, {other})", {other: np.array(after)}, after
        case "Transpose":
            perm = rng.permutation(len(shape)).tolist()
            return f"Transpose <perm={perm}> ({given})", {}, [shape[place] for place in perm]
        case "Unsqueeze":
            op, axes = "Unsqueeze", sorted(rng.choice(len(shape) + 2, 2, replace=False).tolist())
            after = list(shape)
            for axis in axes:
                after.insert(axis, 1)
        case _:
            op, axes = "Squeeze", ones
            after = [size for size in shape if size != 1]
    if opset < 13:
        return f"{op} <axes={axes}> ({given})", {}, after
    return f"{op}({given}, {other})", {other: np.array(axes)}, after


@pytest.mark.parametrize("opset", range(7, 22))
def test_no_chain_breaks_the_pass_down(build, proven, opset):
    """Random runs of the operators it follows, in every operator set; what is fused computes the same."""
    rng = np.random.default_rng(opset)
    for _ in range(3):
        shape, lines, values = [1, 12, 4, 6], [], {"end": np.array([1, 3, 8, 12]), "w": (12, 3, 3, 3)}
        for step in range(6):
            line, more, shape = random_step(rng, shape, opset, step)
            lines.append(f"t{step + 1} = {line}")
            values |= more
        text = f"""net (float[1,3,4,6] x) => (float[a,b,c,d] y) {{
            t0 = Conv <pads=[1,1,1,1]> (x, w)
            {" ".join(lines)}
            y = Reshape(t6, end)
        }}"""
        proven(build(text, opset=opset, **values), RaiseOpset(), FusePixelShuffle(), size=(4, 6))

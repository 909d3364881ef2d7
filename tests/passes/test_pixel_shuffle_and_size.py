"""Spelled-out pixel shuffles become DepthToSpace, and networks exported at one size are freed of it, or say why not."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from slsc.errors import ModelError
from slsc.passes import verify
from slsc.passes.base import PassContext, PreconditionError
from slsc.passes.dynamic_size import FreeSize
from slsc.passes.graph import attribute, declared_shape, image_channels, initializers, opset
from slsc.passes.importing import import_pipeline
from slsc.passes.load import load_model
from slsc.passes.opset import RaiseOpset
from slsc.passes.pixel_shuffle import FusePixelShuffle
from slsc.passes.receptive_field import receptive_field


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
    ("case", "reason"),
    [
        (shuffle([0, 1, 4, 2, 5, 3], [-1, 3, 2, 2, 12, 8], [-1, 3, 24, 16]), "no pixel shuffle"),
        (shuffle([0, 1, 4, 2, 5, 3], [-1, 3, 4, 1, 8, 12], [-1, 3, 32, 12]), "no pixel shuffle"),
        (
            shuffle([0, 1, 4, 2, 5, 3], [-1, 3, 2, 2, 8, 12], [-1, 3, 16, 24], tail="r = Relu(t) y = Reshape(r, four)"),
            "not followed",
        ),
        (
            shuffle(
                [0, 1, 4, 2, 5, 3],
                [-1, 3, 2, 2, 8, 12],
                [-1, 3, 16, 24],
                tail="z = Reshape(t, four) q = Reshape(s, four) y = Add(z, q)",
            ),
            "used elsewhere",
        ),
    ],
)
def test_what_only_looks_like_one_is_left_alone(build, case, reason):
    text, values = case
    result = FusePixelShuffle().run(build(text, **values), PassContext())
    assert not result.modified and reason in result.report["refused"][0]


def test_crd_needs_operator_set_11(build):
    text, values = shuffle([0, 1, 4, 2, 5, 3], [-1, 3, 2, 2, 8, 12], [-1, 3, 16, 24])
    old = build(text, opset=10, **values)
    with pytest.raises(PreconditionError, match="operator set 11"):
        FusePixelShuffle().requires(old, PassContext())
    raised = RaiseOpset().run(old, PassContext())
    assert raised.modified and opset(raised.model) == 11
    assert list(initializers(raised.model)) == list(initializers(old))
    FusePixelShuffle().requires(raised.model, PassContext())


SIZE = (32, 48)


def fixed(build, body: str, out="32,48", **values):
    return build(f"net (float[1,3,32,48] x) => (float[1,3,{out}] y) {{ {body} }}", **values)


def test_a_convolutional_network_is_freed_and_proven(build, image):
    model = fixed(build, "a = Conv <pads=[1,1,1,1]> (x, w) y = Add(a, x)", w=(3, 3, 3, 3))
    result = FreeSize().run(model, PassContext())
    assert result.report["freed"] == ["height", "width", "batch"] and "part is restored" in result.report["proof"]
    assert declared_shape(result.model, "x") == (None, 3, None, None) == declared_shape(result.model, "y")
    assert verify.compare(model, result.model, [image(*SIZE)]).max_abs == 0
    assert verify.run(verify.session(result.model), image(50, 20, batch=2)).shape == (2, 3, 50, 20)


def test_a_resize_to_twice_the_size_becomes_a_factor(build, image):
    body = 'y = Resize <mode="linear"> (x, , , size)'
    model = fixed(build, body, out="64,96", size=np.array([1, 3, 64, 96]))
    result = FreeSize().run(model, PassContext())
    assert result.report["freed"] and len(result.report["resizes"]) == 1
    assert verify.run(verify.session(result.model), image(10, 14)).shape == (1, 3, 20, 28)
    assert verify.compare(model, result.model, [image(*SIZE)]).max_abs < 1e-6


@pytest.mark.parametrize(
    ("body", "values", "reason"),
    [
        ("y = Add(x, p)", {"p": (1, 3, 32, 48)}, "does not run"),
        ("r = Reshape(x, t) y = Relu(r)", {"t": np.array([1, 3, 32, 48])}, ""),
        (
            "s = Slice(x, starts, ends) y = Relu(s)",
            {"starts": np.zeros(4, int), "ends": np.array([1, 3, 32, 48])},
            "scale",
        ),
    ],
)
def test_a_size_written_into_the_graph_keeps_it_fixed(build, body, values, reason):
    model = fixed(build, body, **values)
    result = FreeSize().run(model, PassContext())
    assert declared_shape(result.model, "x")[2:] == SIZE
    assert "height" not in result.report["freed"] and reason in result.report["reason"] != ""


def test_an_average_over_what_was_the_whole_image_is_caught(build):
    """Padding by the fixed size makes other sizes run, but a part is then no longer restored as in the whole."""
    body = """g = AveragePool <kernel_shape=[32,48], pads=[31,47,0,0]> (x)
              a = Conv <pads=[1,1,1,1]> (x, w)
              s = Slice(g, last, end, axes)
              y = Add(a, s)"""
    values = {"w": (3, 3, 3, 3), "last": np.array([31, 47]), "end": np.array([32, 48]), "axes": np.array([2, 3])}
    result = FreeSize().run(fixed(build, body, **values), PassContext())
    assert "height" not in result.report["freed"]


def test_a_network_tied_to_one_batch_keeps_it(build):
    model = build(
        "net (float[1,3,h,w] x) => (float[1,3,h,w] y) { g = GlobalAveragePool(x) r = Reshape(g, one) y = Mul(x, r) }",
        one=np.array([1, 3, 1, 1]),
    )
    result = FreeSize().run(model, PassContext())
    assert declared_shape(result.model, "x")[0] == 1 and "stays fixed" in result.report["batch"]


THIRD_PARTY = [("subpixel_cnn_x3_luma.onnx", 3, 5), ("distill_enhancer_256_rgb.onnx", 1, 27)]


@pytest.mark.parametrize(("file", "scale", "radius"), THIRD_PARTY)
def test_third_party_networks_are_freed_and_unchanged(data_dir, image, file, scale, radius):
    model = load_model(data_dir / "onnx" / file)
    side, channels = declared_shape(model, "input")[2], image_channels(model)
    full = image(side, side, channels)
    result = import_pipeline().run(model, PassContext((full,)))
    freed = result.model
    onnx.checker.check_model(freed, full_check=True)
    assert declared_shape(freed, "input") == (None, channels, None, None)
    assert verify.compare(model, freed, [full]).relative < 1e-6
    assert not {"Reshape", "Transpose", "Constant"} & {node.op_type for node in freed.graph.node}
    field = receptive_field(freed)
    assert field.exact and field.radius == radius
    # At another size: a part of the image, away from the cut, is what the fixed network makes of the whole.
    part = verify.run(verify.session(freed), full[:, :, 40:160, 30:170])
    whole = verify.run(verify.session(model), full)[:, :, 40 * scale : 160 * scale, 30 * scale : 170 * scale]
    inner = slice(radius * scale, -radius * scale)
    assert np.abs(part - whole)[:, :, inner, inner].max() <= 1e-5 * np.ptp(whole)


def test_other_sizes_really_are_refused_before(data_dir, image):
    model = load_model(data_dir / "onnx" / THIRD_PARTY[0][0])
    with pytest.raises(ModelError):
        verify.run(verify.session(model), image(100, 120, 1))

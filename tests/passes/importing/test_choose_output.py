"""Of several outputs the one that can be the restored image is taken; where several can, the user is asked."""

from __future__ import annotations

import pytest

from slsc.errors import ModelError
from slsc.passes.graph import image_input
from slsc.passes.importing.import_model import import_model

CONV = "y = Conv <pads=[1,1,1,1]> (x, w)"
OTHERS = {
    "a smaller image": ("float[n,3,H,W] z", "z = AveragePool <kernel_shape=[2,2], strides=[2,2]> (y)"),
    "features": ("float[n,a,h,w] z", "z = Concat <axis=1> (y, x)"),
    "a map": ("float[n,b,h,w] z", "z = ReduceMean <axes=[1]> (y)"),
    "a number": ("float z", "z = ReduceMean <keepdims=0> (y)"),
    "numbers": ("float[n,3] z", "z = ReduceMean <axes=[2,3], keepdims=0> (y)"),
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("first", [True, False])
def test_the_only_one_that_can_be_the_image_is_taken(build, other, first):
    declared, node = OTHERS[other]
    both = f"float[n,3,h,w] y, {declared}" if first else f"{declared}, float[n,3,h,w] y"
    model = build(f"net (float[n,3,h,w] x) => ({both}) {{ {CONV} {node} }}", w=(3, 3, 3, 3))
    imported = import_model(model)
    assert image_input(imported.model) == ("x", "y")
    assert [node.op_type for node in imported.model.graph.node] == ["Conv"]
    assert "only 'y' can be the restored image; left out: 'z'" in imported.report["choose-output"]["note"]


def test_of_channels_last_too(build):
    text = """net (float[n,h,w,3] x) => (float[n,h,w,8] z, float[n,h,w,3] y) {
        a = Transpose <perm=[0,3,1,2]> (x)  b = Conv <pads=[1,1,1,1]> (a, w)  z = Transpose <perm=[0,2,3,1]> (b)
        c = Conv <pads=[1,1,1,1]> (b, v)  y = Transpose <perm=[0,2,3,1]> (c) }"""
    assert image_input(import_model(build(text, w=(8, 3, 3, 3), v=(3, 8, 3, 3))).model) == ("x", "y")


def test_of_several_those_that_can_be_are_named(build):
    text = f"""net (float[n,3,h,w] x) => (float m, float[n,3,h,w] y, float[n,3,h,w] z) {{
        {CONV} z = Neg(y)  m = ReduceMean <keepdims=0> (y) }}"""
    with pytest.raises(ModelError, match="3 outputs") as told:
        import_model(build(text, w=(3, 3, 3, 3)))
    assert told.value.hint == "say which is the restored image: --output y or --output z"


def test_where_none_can_be_all_are_named(build):
    text = f"""net (float[n,3,h,w] x) => (float[n,3,h,w] y, float z) {{
        r = RandomNormalLike(x)  s = Add(x, r)  {CONV.replace("x,", "s,")}  z = ReduceMean <keepdims=0> (s) }}"""
    with pytest.raises(ModelError, match="2 outputs") as told:
        import_model(build(text, w=(3, 3, 3, 3)))
    assert told.value.hint == "say which is the restored image: --output y or --output z"

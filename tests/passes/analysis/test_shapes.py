"""Exact shapes, where sizes are computed in the graph too."""

from __future__ import annotations

import numpy as np
import pytest

from slsc.errors import ModelError
from slsc.passes import verify
from slsc.passes.analysis.shapes import concrete_shapes, sample_sizes

NET = "net (float[n,3,h,w] x) => (float[n,3,H,W] y)"


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
    assert sample_sizes(model) == [(64, 96)]


@pytest.mark.parametrize("opset", [9, 11, 12])
def test_sizes_computed_in_old_operator_sets_are_exact(build, opset):
    """As torch's exporter wrote them: single numbers of Shape, each unsqueezed by an attribute."""
    text = f"""{NET} {{
        s = Shape(x)
        rows = Gather <axis=0> (s, two)
        columns = Gather <axis=0> (s, three)
        r = Unsqueeze <axes=[0]> (rows)
        c = Unsqueeze <axes=[0]> (columns)
        target = Concat <axis=0> (head, r, c)
        y = Reshape(x, target)
    }}"""
    model = build(text, opset=opset, two=np.array(2), three=np.array(3), head=np.array([-1, 3]))
    assert concrete_shapes(model, (17, 23)).of["y"] == (1, 3, 17, 23)

"""Operators that ONNX defines by others are written so, and compute the same."""

from __future__ import annotations

import numpy as np
import pytest

from slsc.passes import verify
from slsc.passes.base import PassContext
from slsc.passes.importing.expand_operators import EXPANDED, ExpandOperators
from slsc.passes.importing.import_model import import_model

GAIN = {"g": np.float32([1, 2, 0.5, -1]), "b": np.float32([0, 1, 2, 3])}

NETWORKS = {
    # name: (operator set, what makes y of a, values)
    "Swish": (24, "y = Swish <alpha=1.5> (a)", {}),
    "LogSoftmax": (17, "y = LogSoftmax <axis=1> (a)", {}),
    "MeanVarianceNormalization": (13, "y = MeanVarianceNormalization <axes=[2,3]> (a)", {}),
    "GroupNormalization": (21, "y = GroupNormalization <num_groups=2> (a, g, b)", GAIN),
    "RMSNormalization": (
        23,
        "t = Transpose <perm=[0,2,3,1]> (a) n = RMSNormalization <axis=-1> (t, g) y = Transpose <perm=[0,3,1,2]> (n)",
        {"g": GAIN["g"]},
    ),
    "Attention": (
        23,
        """s = Shape(a) r = Reshape(a, tokens) q = Transpose <perm=[0,1,3,2]> (r) o = Attention(q, q, q)
        p = Transpose <perm=[0,1,3,2]> (o) y = Reshape(p, s)""",
        {"tokens": np.array([1, 1, 4, -1])},
    ),
    "ReduceLogSum": (18, "e = Exp(a) l = ReduceLogSum(e, axes) y = Mul(a, l)", {"axes": np.array([1])}),
    "CenterCropPad": (18, "y = CenterCropPad <axes=[2,3]> (a, size)", {"size": np.array([16, 16])}),
}


def network(build, name):
    version, body, values = NETWORKS[name]
    text = f"net (float[1,3,16,16] x) => (float[1,4,16,16] y) {{ a = Conv <pads=[1,1,1,1]> (x, w) {body} }}"
    return build(text, opset=version, ir_version=10, w=(4, 3, 3, 3), **values)


@pytest.mark.parametrize("name", NETWORKS)
def test_it_computes_the_same_without_the_operator(build, image, name):
    model = network(build, name)
    result = ExpandOperators().run(model, PassContext())
    assert result.report == {"expanded": [name]}
    assert EXPANDED.isdisjoint(node.op_type for node in result.model.graph.node)
    assert verify.compare(model, result.model, [image(16, 16)]).relative < 1e-5


def test_group_normalisation_of_newer_operator_sets_is_imported_at_any_size(build, image):
    text = """net (float[n,3,h,w] x) => (float[n,3,h,w] y) {
        a = Conv <pads=[1,1,1,1]> (x, w) n = GroupNormalization <num_groups=2> (a, g, b) y = Conv(n, v) }"""
    model = build(text, opset=21, ir_version=10, w=(4, 3, 3, 3), v=(3, 4, 1, 1), **GAIN)
    imported = import_model(model).model
    assert verify.compare(model, imported, [image(17, 23), image(32, 8)]).relative < 1e-5


def test_what_slsc_knows_stays(build):
    model = build("net (float[n,3,h,w] x) => (float[n,3,h,w] y) { y = HardSwish(x) }")
    assert not ExpandOperators().run(model, PassContext()).modified

"""Old operator sets are raised without a change of meaning, functions inlined, half precision kept."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

from slsc.passes import verify
from slsc.passes.base import PassContext
from slsc.passes.graph import initializers, opset
from slsc.passes.importing import import_pipeline

NET = "net (float[n,3,h,w] x) => (float[n,3,H,W] y)"
TWICE = np.array([1, 1, 2, 2], np.float32)

OLD = [
    (7, 'y = Upsample <mode="nearest", scales=[1.0, 1.0, 2.0, 2.0]> (x)', {}),
    (9, 'y = Upsample <mode="nearest"> (x, s)', {"s": TWICE}),
    (9, 'y = Upsample <mode="linear"> (x, s)', {"s": TWICE}),
    (10, 'y = Resize <mode="nearest"> (x, s)', {"s": TWICE}),
    (10, 'y = Resize <mode="linear"> (x, s)', {"s": TWICE}),
    (9, 'a = Conv(x, k) y = Pad <pads=[0,0,1,1,0,0,1,1], mode="reflect"> (a)', {"k": (3, 3, 3, 3)}),
    (9, "y = Clip <min=0.1, max=0.5> (x)", {}),
    (8, "a, b = Split <axis=1, split=[1,2]> (x) y = Concat <axis=1> (b, a)", {}),
    (8, "y = Dropout <ratio=0.5> (x)", {}),
    (7, "y = PRelu(x, a)", {"a": (3, 1, 1)}),
    (9, "y = BatchNormalization(x, a, a, a, v)", {"a": (3,), "v": np.ones(3, np.float32)}),
    (9, "g = GlobalAveragePool(x) q = Squeeze <axes=[2,3]> (g) u = Unsqueeze <axes=[2,3]> (q) y = Mul(x, u)", {}),
]


@pytest.mark.parametrize(("version", "body", "values"), OLD)
def test_old_operators_keep_their_meaning(build, image, version, body, values):
    model = build(f"{NET} {{ {body} }}", opset=version, ir_version=4, **values)
    picture = image(16, 20)
    before = verify.run(verify.session(model), picture)
    result = import_pipeline().run(model, PassContext((picture,))).model
    assert opset(result) == 11
    onnx.checker.check_model(result, full_check=True)
    np.testing.assert_allclose(verify.run(verify.session(result), picture), before, atol=1e-6)


def test_functions_of_the_file_are_inlined(build, image):
    body = helper.make_function(
        "torch", "Block", ["a", "w"], ["b"],
        [helper.make_node("Conv", ["a", "w"], ["c"]), helper.make_node("Relu", ["c"], ["b"])],
        [helper.make_opsetid("", 17)],
    )  # fmt: skip
    model = build(f"{NET} {{ y = Relu(x) }}", k=(3, 3, 1, 1))
    model.functions.append(body)
    model.opset_import.append(helper.make_opsetid("torch", 1))
    model.graph.node[0].CopyFrom(helper.make_node("Block", ["x", "k"], ["y"], domain="torch"))
    onnx.checker.check_model(model)
    result = import_pipeline().run(model, PassContext((image(8, 8),)))
    assert [node.op_type for node in result.model.graph.node] == ["Conv", "Relu"]
    assert result.report["inline-functions"]["inlined"] == ["torch:Block"]
    assert "k" in initializers(result.model)


def test_a_half_precision_network_stays_half_and_is_proven(build, image):
    text = f"""{NET.replace("float[", "float16[")} {{
        a = Conv <pads=[1,1,1,1]> (x, head)
        n = BatchNormalization(a, g, g, g, v)
        r = Relu(n)
        y = Conv <pads=[1,1,1,1]> (r, tail)
    }}"""
    rng = np.random.default_rng(0)
    values = {"head": (16, 3, 3, 3), "tail": (3, 16, 3, 3), "g": (16,)}
    half = {name: rng.normal(0, 0.2, shape).astype(np.float16) for name, shape in values.items()}
    model = build(text, v=np.ones(16, np.float16), **half)
    result = import_pipeline().run(model, PassContext((image(16, 16),)))
    assert [node.op_type for node in result.model.graph.node] == ["Conv", "Relu", "Conv"]
    assert {value.dtype for value in initializers(result.model).values()} == {np.dtype(np.float16)}
    assert result.report["fold-batch-norm"]["difference"]["max_abs"] < 1e-2

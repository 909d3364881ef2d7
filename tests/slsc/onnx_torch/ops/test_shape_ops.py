from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch

from slsc.onnx_torch import OnnxModule


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


CASES = [
    ("DepthToSpace", (), {"blocksize": 2}, 10, (2, 8, 3, 4)),
    ("DepthToSpace", (), {"blocksize": 2, "mode": "DCR"}, 13, (2, 8, 3, 4)),
    ("DepthToSpace", (), {"blocksize": 3, "mode": "CRD"}, 11, (2, 18, 3, 4)),
    ("Expand", (ints(2, 1, 3, 1),), {}, 13, (1, 4, 1, 5)),
    ("Flatten", (), {"axis": 2}, 13, (2, 3, 4, 5)),
    ("Flatten", (), {"axis": -1}, 13, (2, 3, 4, 5)),
    ("Flatten", (), {"axis": 0}, 10, (2, 3, 4, 5)),
    ("Reshape", (ints(0, -1, 2),), {}, 13, (2, 3, 4)),
    ("Reshape", (ints(2, 0, 3),), {"allowzero": 1}, 14, (2, 0, 3)),
    ("SpaceToDepth", (), {"blocksize": 2}, 13, (2, 3, 4, 6)),
    ("Squeeze", (), {"axes": [0]}, 11, (1, 3, 4)),
    ("Squeeze", (), {}, 11, (1, 3, 1, 4)),
    ("Squeeze", (ints(-1, 0),), {}, 13, (1, 3, 4, 1)),
    ("Tile", (ints(1, 2, 1, 3),), {}, 13, (1, 2, 3, 4)),
    ("Transpose", (), {}, 13, (2, 3, 4)),
    ("Transpose", (), {"perm": [0, 2, 3, 1]}, 13, (2, 3, 4, 5)),
    ("Unsqueeze", (), {"axes": [0, 3]}, 11, (2, 3)),
    ("Unsqueeze", (ints(-1, 1),), {}, 13, (2, 3)),
]


@pytest.mark.parametrize(("op", "constants", "attributes", "opset", "shape"), CASES)
def test_layout(op_model, assert_agrees, random, op, constants, attributes, opset, shape) -> None:
    assert_agrees(op_model(op, *constants, opset=opset, **attributes), random(*shape))


@pytest.mark.parametrize(
    ("opset", "sizes", "attributes"),
    [
        (11, None, {"split": [1, 5]}),
        (11, None, {}),
        (13, ints(2, 4), {}),
        (13, None, {}),
        (18, None, {"num_outputs": 2}),
    ],
)
@pytest.mark.parametrize("part", [0, 1])
def test_split_of_every_form(model_of, assert_agrees, random, opset, sizes, attributes, part) -> None:
    inputs = ["x"] if sizes is None else ["x", "sizes"]
    node = onnx.helper.make_node("Split", inputs, ["a", "b"], axis=1, **attributes)
    last = onnx.helper.make_node("Identity", ["ab"[part]], ["y"])
    assert_agrees(model_of([node, last], {} if sizes is None else {"sizes": sizes}, opset), random(2, 6, 3))


def test_uneven_split_gives_the_last_output_less(model_of, assert_agrees, random) -> None:
    node = onnx.helper.make_node("Split", ["x"], ["a", "y"], axis=-1, num_outputs=2)
    assert_agrees(model_of([node], {}, 18), random(2, 7))


def test_shape_arithmetic_as_exporters_write_it(assert_agrees, random) -> None:
    text = """<ir_version: 8, opset_import: ["" : 17]>
    g (float[n,c,h,w] x) => (float[n,k,a,b] y)
    <int64[1] minus = {-1}, int64[1] one = {1}, int64[1] two = {2}, int64 two0 = {2}, float half = {0.5}> {
        all = Shape (x)
        zero_axis = Constant <value_ints = [0]> ()
        batch = Slice (all, zero_axis, one)
        h0 = Gather <axis = 0> (all, two0)
        hf = Cast <to = 1> (h0)
        hh = Mul (hf, half)
        hq = Floor (hh)
        hi = Cast <to = 7> (hq)
        h1 = Unsqueeze (hi, zero_axis)
        wide = Shape <start = 3> (x)
        target = Concat <axis = 0> (batch, minus, h1, two, wide)
        r = Reshape (x, target)
        t = Transpose <perm = [0, 1, 3, 2, 4]> (r)
        merged = Concat <axis = 0> (batch, minus, h1, wide)
        y = Reshape (t, merged)
    }"""
    assert_agrees(onnx.parser.parse_model(text), random(2, 3, 6, 5))


def test_size_counts_elements(model_of, random) -> None:
    nodes = [onnx.helper.make_node("Size", ["x"], ["s"]), onnx.helper.make_node("Cast", ["s"], ["y"], to=1)]
    assert OnnxModule(model_of(nodes, {}))(torch.from_numpy(random(2, 3, 4))).item() == 24

"""Sequences whose parts are known become the tensors they hold."""

from __future__ import annotations

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

from slsc.errors import ModelError
from slsc.passes.importing.sequences import PlainSequences

NET = "net (float[n,3,h,w] x) => (float[n,c,h,w] y) {"

GRAPHS = {
    # name: (nodes from x to y, what they make of the image)
    "split along channels": (
        "s = SplitToSequence <axis=1> (x) a = SequenceAt(s, two) b = SequenceAt(s, last) y = Concat <axis=1> (a, b)",
        lambda x: x[:, [2, 2]],
    ),
    "split by sizes": ("s = SplitToSequence <axis=1> (x, sizes) y = SequenceAt(s, one)", lambda x: x[:, 1:]),
    "split by one size": ("s = SplitToSequence <axis=1> (x, two) y = SequenceAt(s, one)", lambda x: x[:, 2:]),
    "split without the axis": (
        "s = SplitToSequence <axis=1, keepdims=0> (x) y = ConcatFromSequence <axis=1, new_axis=1> (s)",
        lambda x: x,
    ),
    "a list that grows": (
        "s = SequenceConstruct(x) n = Neg(x) t = SequenceInsert(s, n, zero) e = SequenceErase(t, one) "
        "u = SequenceInsert(e, x) y = ConcatFromSequence <axis=1> (u)",
        lambda x: np.concatenate([-x, x], 1),
    ),
    "an empty list": ("s = SequenceEmpty() t = SequenceInsert(s, x) y = SequenceAt(t, zero)", lambda x: x),
    "a length": (
        "s = SplitToSequence <axis=1> (x) l = SequenceLength(s) f = Cast <to=1> (l) y = Mul(x, f)",
        lambda x: 3 * x,
    ),
    "an optional": ("o = Optional(x) y = OptionalGetElement(o)", lambda x: x),
}
CONSTANTS = {
    "zero": np.int64(0),
    "one": np.int64(1),
    "two": np.int64(2),
    "last": np.int64(-1),
    "sizes": np.array([1, 2]),
}


@pytest.mark.parametrize(("name", "opset"), [(name, 18) for name in GRAPHS] + [("split without the axis", 12)])
def test_known_parts_take_the_place_of_a_sequence(build, image, proven, name, opset):
    nodes, expected = GRAPHS[name]
    used = {key: value for key, value in CONSTANTS.items() if f"{key})" in nodes or f"{key}," in nodes}
    model = proven(build(f"{NET} {nodes} }}", opset=opset, **used), PlainSequences()).model
    assert not any("equence" in node.op_type or "Optional" in node.op_type for node in model.graph.node)
    batch = image(6, 8)
    made = ReferenceEvaluator(model).run(None, {"x": batch})[0]
    np.testing.assert_array_equal(made, expected(batch))


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        ("s = SplitToSequence <axis=2> (x) y = SequenceAt(s, zero)", "the extent of 'x' along axis 2"),
        ("s = SequenceConstruct(x) i = Size(x) y = SequenceAt(s, i)", "its place in the sequence is computed"),
        ("s = SequenceConstruct(x) y = SequenceAt(s, two)", "2 of 1"),
    ],
)
def test_parts_that_nothing_tells_are_refused_by_node(build, nodes, why):
    used = {key: value for key, value in CONSTANTS.items() if f" {key})" in nodes}
    with pytest.raises(ModelError, match=why):
        PlainSequences().run(build(f"{NET} {nodes} }}", **used), None)

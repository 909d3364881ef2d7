"""Zero padding moves into the convolutions after it, or the reason why not is told."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from slsc.passes.graph import attribute, initializers
from slsc.passes.importing.pad_conv import FoldPad

NET = "net (float[n,3,h,w] x) => (float[n,c,H,W] y)"


def ops(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize("opset", [10, 17])
def test_zero_padding_moves_into_the_convolutions(build, proven, opset):
    pad = "Pad <pads=[0,0,1,2,0,0,3,4]> (x)" if opset == 10 else "Pad(x, amounts)"
    text = f"{NET} {{ p = {pad} a = Conv <pads=[1,0,0,1]> (p, w) b = Conv <pads=[1,0,0,1]> (p, u) y = Add(a, b) }}"
    amounts = {} if opset == 10 else {"amounts": np.array([0, 0, 1, 2, 0, 0, 3, 4])}
    result = proven(build(text, opset=opset, w=(3, 3, 3, 3), u=(3, 3, 3, 3), **amounts), FoldPad())
    assert ops(result.model) == ["Conv", "Conv", "Add"] and "amounts" not in initializers(result.model)
    assert all(attribute(node, "pads") == [2, 2, 3, 5] for node in result.model.graph.node[:2])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('p = Pad <mode="reflect"> (x, rows) y = Conv(p, w)', "zeros"),
        ("p = Pad (x, rows, one) y = Conv(p, w)", "zeros"),
        ("p = Pad (x, channels) y = Conv(p, w4)", "rows and columns"),
        ("p = Pad (x, crop) y = Conv(p, w)", "rows and columns"),
        ("p = Pad (x, rows) y = Relu(p)", "uses it"),
        ('p = Pad (x, rows) y = Conv <auto_pad="SAME_UPPER"> (p, w)', "uses it"),
        ("y = Pad (x, rows)", "output"),
    ],
)
def test_padding_that_must_stay_says_why(build, proven, body, reason):
    values = {
        "rows": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "channels": np.array([0, 1, 0, 0, 0, 0, 0, 0]),
        "crop": np.array([0, 0, -1, 0, 0, 0, 0, 0]),
        "one": np.array(1, np.float32),
        "w": (3, 3, 3, 3),
        "w4": (3, 4, 3, 3),
    }
    words = body.replace(",", " ").replace(")", " ").replace("(", " ").split()
    model = build(f"{NET} {{ {body} }}", **{name: value for name, value in values.items() if name in words})
    result = proven(model, FoldPad())
    assert not result.modified and reason in result.report["fold-pad"]["refused"][0]

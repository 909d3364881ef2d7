"""Networks exported at one size are freed of it, with proof, or say why not."""

from __future__ import annotations

import numpy as np
import pytest

from slsc.passes import verify
from slsc.passes.base import PassContext
from slsc.passes.graph import declared_shape
from slsc.passes.importing.dynamic_size import FreeSize

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
        ("y = Add(x, p)", {"p": (1, 3, 32, 48)}, "does not accept"),
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


def test_a_target_that_counts_one_image_follows_the_batch(build, image):
    model = build(
        "net (float[1,3,h,w] x) => (float[1,3,h,w] y) { g = GlobalAveragePool(x) r = Reshape(g, one) y = Mul(x, r) }",
        one=np.array([1, 3, 1, 1]),
    )
    result = FreeSize().run(model, PassContext())
    assert "batch" in result.report["freed"] and declared_shape(result.model, "x")[0] is None
    batch, single = image(16, 16, batch=2), verify.session(model)
    expected = np.concatenate([verify.run(single, one[None]) for one in batch])
    assert np.abs(verify.run(verify.session(result.model), batch) - expected).max() < 1e-6


@pytest.mark.parametrize("batch", [1, "n"])
def test_a_network_tied_to_one_image_says_so(build, batch):
    """Whatever it declares: the mean over the batch is that of one image."""
    model = build(
        f"net (float[{batch},3,h,w] x) => (float[{batch},3,h,w] y) {{ m = ReduceMean <axes=[0]> (x) y = Add(m, x) }}"
    )
    result = FreeSize().run(model, PassContext())
    assert declared_shape(result.model, "x")[0] == 1 and "stays fixed" in result.report["batch"]

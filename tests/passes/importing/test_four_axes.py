"""Images without a batch, or of one frame, are taken as one of a batch, and computed as before."""

from __future__ import annotations

import numpy as np
import pytest

from slsc.errors import ModelError
from slsc.passes import verify
from slsc.passes.importing.import_model import import_model

CONV = "b = Conv <pads=[1,1,1,1]> (a, w)"
ONE, TWO, TOP, FRAME = np.array([0]), np.array([0, 1]), np.float32(1), np.array([1])

NETWORKS = {
    # name: (text, values, what the file's own input is made of N,C,H,W by, and back)
    "channels first": (
        f"net (float[3,h,w] x) => (float[3,h,w] y) {{ a = Unsqueeze(x, one) {CONV} y = Squeeze(b, one) }}",
        {"one": ONE, "w": (3, 3, 3, 3)},
        lambda image: image[0],
        lambda made: made[None],
    ),
    "channels last, in bytes": (
        f"""net (uint8[h,w,3] x) => (float[h,w,3] y) {{
        c = Cast <to=1> (x) d = Mul(c, unit) t = Transpose <perm=[2,0,1]> (d)
        a = Unsqueeze(t, one) {CONV} s = Squeeze(b, one) r = Transpose <perm=[1,2,0]> (s) y = Clip(r, low, high) }}""",
        {
            "one": ONE,
            "w": (3, 3, 3, 3),
            "unit": np.float32([1 / 255] * 3),
            "low": np.float32(0),
            "high": TOP,
        },
        lambda image: image[0].transpose(1, 2, 0).astype(np.uint8),
        lambda made: made.transpose(2, 0, 1)[None],
    ),
    "grey": (
        f"net (float[h,w] x) => (float[h,w] y) {{ a = Unsqueeze(x, two) {CONV} y = Squeeze(b, two) }}",
        {"two": TWO, "w": (1, 1, 3, 3)},
        lambda image: image[0, 0],
        lambda made: made[None, None],
    ),
    "one frame": (
        f"net (float[n,1,3,h,w] x) => (float[n,1,3,h,w] y) {{ a = Squeeze(x, frame) {CONV} y = Unsqueeze(b, frame) }}",
        {"frame": FRAME, "w": (3, 3, 3, 3)},
        lambda image: image[:, None],
        lambda made: made[:, 0],
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_it_computes_what_it_did_with_no_node_more(build, name):
    text, values, own, back = NETWORKS[name]
    model = build(text, **values)
    imported = import_model(model).model
    channels = 1 if name == "grey" else 3
    image = np.rint(np.random.default_rng(0).random((1, channels, 20, 24)) * 255).astype(np.float32)
    expected = back(verify.session(model).run(None, {"x": own(image)})[0])
    assert np.abs(verify.run(verify.session(imported), image) - expected).max() <= 1e-5 * np.ptp(expected)
    assert {"Squeeze", "Unsqueeze", "Transpose"}.isdisjoint(node.op_type for node in imported.graph.node)


def test_where_the_network_has_no_inverse_one_is_written(build):
    text = f"""net (float[3,h,w] x) => (float[3,h,w] y) {{
        m = ReduceMean <axes=[1,2]> (x) c = Sub(x, m) a = Unsqueeze(c, one)
        {CONV} s = Squeeze(b, one) y = Add(s, m) }}"""
    model = build(text, one=ONE, w=(3, 3, 3, 3))
    image = np.random.default_rng(0).random((1, 3, 20, 24), np.float32)
    expected = verify.session(model).run(None, {"x": image[0]})[0]
    found = verify.run(verify.session(import_model(model).model), image)[0]
    assert np.abs(found - expected).max() < 1e-6


def test_a_side_that_is_fixed_alone_is_free_where_the_graph_takes_others(build, image):
    text = "net (float[n,3,h,64] x) => (float[n,3,h,64] y) { y = Conv <pads=[1,1,1,1]> (x, w) }"
    imported = import_model(build(text, w=(3, 3, 3, 3))).model
    assert verify.run(verify.session(imported), image(20, 24)).shape == (1, 3, 20, 24)


@pytest.mark.parametrize("dims", ["n,5,3,h,w", "n,h,w", "5,h,w", "n,3"])
def test_what_is_no_single_image_is_refused(build, dims):
    with pytest.raises(ModelError, match="not an image batch"):
        import_model(build(f"net (float[{dims}] x) => (float[{dims}] y) {{ y = Relu(x) }}"))

"""Channels last at one end or at both, however little of it the file declares: channels first afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from slsc.passes import verify
from slsc.passes.importing.import_model import import_model

CONV = "Conv <pads=[1,1,1,1]>"
FIRST, LAST = "Transpose <perm=[0,3,1,2]>", "Transpose <perm=[0,2,3,1]>"
TURN = np.array([2, 1, 0])

NETWORKS = {
    "last at the output alone": f"net (float[n,3,h,w] x) => (float[a,b,c,d] y) {{ m = {CONV} (x, w) y = {LAST} (m) }}",
    "last at the output alone, rounded": f"""net (float[n,3,h,w] x) => (uint8[a,b,c,d] y) {{
        m = {CONV} (x, w) k = {LAST} (m) r = Round(k) y = Cast <to=2> (r) }}""",
    "last at the input alone": f"net (float[n,h,w,3] x) => (float[a,b,c,d] y) {{ m = {FIRST} (x) y = {CONV} (m, w) }}",
    "bytes turned after the Cast": f"""net (uint8[n,h,w,3] x) => (uint8[n,h2,w2,3] y) {{
        f = Cast <to=1> (x) t = {FIRST} (f) m = {CONV} (t, w) r = Round(m) c = Cast <to=2> (r) k = {LAST} (c)
        y = Gather <axis=3> (k, turn) }}""",
    "no batch, and channels not declared": f"""net (uint8[h,w,3] x) => (uint8[h2,w2,c] y) {{
        f = Cast <to=1> (x) t = Transpose <perm=[2,0,1]> (f) u = Unsqueeze(t, zero) m = {CONV} (u, w) r = Round(m)
        s = Squeeze(r, zero) k = Transpose <perm=[1,2,0]> (s) y = Cast <to=2> (k) }}""",
}


@pytest.mark.parametrize("name", NETWORKS)
def test_it_computes_what_it_did(build, name):
    text = NETWORKS[name]
    weight = np.full((3, 3, 3, 3), 1 / 40) * np.array([1, 2, 1.5]).reshape(3, 1, 1, 1)
    held = {"turn": TURN, "zero": np.array([0])}
    model = build(text, w=weight.astype(np.float32), **{name: value for name, value in held.items() if name in text})
    image = np.rint(np.random.default_rng(0).random((1, 3, 20, 24)) * 255).astype(np.float32)
    own = image if "[n,3" in text else image.transpose(0, 2, 3, 1)
    own = (own if "[n," in text else own[0]).astype(np.uint8 if "(uint8[" in text.partition("=>")[0] else np.float32)
    expected = verify.session(model).run(None, {"x": own})[0].astype(np.float32)
    expected = expected if expected.ndim == 4 else expected[None]
    expected = expected if name == "last at the input alone" else expected.transpose(0, 3, 1, 2)
    found = verify.run(verify.session(import_model(model).model), image)
    rounding = 0.501 if "Round" in text else 1e-3
    assert np.abs(found - expected).max() <= rounding

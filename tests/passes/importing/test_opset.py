"""Old operator sets are raised without a change of meaning."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from slsc.passes import verify
from slsc.passes.base import PassContext
from slsc.passes.graph import opset
from slsc.passes.importing.import_model import import_pipeline

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

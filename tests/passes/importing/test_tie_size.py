"""Networks of one size say so, and which node ties them to it, whatever their file declares."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from slsc.errors import ModelError
from slsc.passes import verify
from slsc.passes.analysis.receptive_field import receptive_field
from slsc.passes.artefacts import FORMS
from slsc.passes.graph import declared_shape, fixed_hw
from slsc.passes.importing.import_model import import_model
from slsc.runtime.backends.native_backend import NativeBackend

CONV = "a = Conv <pads=[1,1,1,1]> (x, w)"
W = {"w": (4, 3, 3, 3), "o": (3, 4, 3, 3)}
WINDOWS = f"""{CONV} r = Reshape(a, apart) t = Transpose <perm=[0,2,4,3,5,1]> (r) f = Reshape(t, tokens)
  n = LayerNormalization <axis=-1> (f, g) q = Transpose <perm=[0,2,1]> (n) e = MatMul(n, q) s = Softmax <axis=-1> (e)
  v = MatMul(s, n) k = Reshape(v, together) u = Transpose <perm=[0,5,1,3,2,4]> (k) z = Reshape(u, image)
  y = Conv <pads=[1,1,1,1]> (z, o)"""

NETWORKS = {
    # name: (body, values, size, the node that ties it)
    "windows": (
        WINDOWS,
        {
            **W,
            "g": np.ones(4, np.float32),
            "apart": np.array([1, 4, 6, 8, 4, 8]),
            "tokens": np.array([-1, 64, 4]),
            "together": np.array([1, 6, 4, 8, 8, 4]),
            "image": np.array([1, 4, 48, 32]),
        },
        (48, 32),
        "Reshape making 'r'",
    ),
    "pooling": (
        f"""{CONV} p = AveragePool <kernel_shape=[40,40], strides=[40,40]> (a) m = Conv(p, v) c = Mul(a, m)
        y = Conv <pads=[1,1,1,1]> (c, o)""",
        {**W, "v": (4, 4, 1, 1)},
        (40, 40),
        "AveragePool making 'p'",
    ),
    "pooling below strides": (
        f"""{CONV} b = Conv <strides=[2,2]> (a, d) p = AveragePool <kernel_shape=[24,24], strides=[24,24]> (b)
        c = Mul(a, p) y = Conv <pads=[1,1,1,1]> (c, o)""",
        {**W, "d": (4, 4, 2, 2)},
        (48, 48),
        "AveragePool making 'p'",
    ),
    "added positions": (
        f"{CONV} b = Add(a, positions) y = Conv <pads=[1,1,1,1]> (b, o)",
        {**W, "positions": (1, 4, 24, 40)},
        (24, 40),
        "Add making 'b'",
    ),
    "positions of tokens": (
        f"""{CONV} f = Reshape(a, flat) b = Add(f, positions) k = Reshape(b, image)
        y = Conv <pads=[1,1,1,1]> (k, o)""",
        {**W, "flat": np.array([0, 4, -1]), "positions": (1, 4, 1024), "image": np.array([0, 4, 32, 32])},
        (32, 32),
        "",
    ),
}


def network(build, name, size="h,w") -> onnx.ModelProto:
    body, values, *_ = NETWORKS[name]
    return build(f"net (float[1,3,{size}] x) => (float[1,3,{size}] y) {{ {body} }}", **values)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "any declared"])
def test_the_size_is_found_and_kept(build, image, name, declared):
    _, _, size, node = NETWORKS[name]
    model = network(build, name, f"{size[0]},{size[1]}" if declared else "h,w")
    found = import_model(model)
    assert fixed_hw(found.model) == size
    field = receptive_field(found.model)
    assert not field.exact and f"fixed to {size[0]}x{size[1]} pixels" in field.reason and node in field.reason
    assert f"{size[1]}x{size[0]}" in found.report["free-size"]["note"]
    batch = image(*size)
    expected = verify.run(verify.session(model), batch)
    assert np.abs(verify.run(verify.session(found.model), batch) - expected).max() < 1e-5


@pytest.mark.parametrize("name", ["windows", "pooling", "added positions"])
def test_the_batch_is_free_for_calibration(build, image, name):
    size = NETWORKS[name][2]
    model = network(build, name)
    found = import_model(model).model
    assert declared_shape(found, "x")[0] is None
    batch = image(*size, batch=2)
    single = verify.session(model)
    expected = np.concatenate([verify.run(single, one[None]) for one in batch])
    assert np.abs(verify.run(verify.session(found), batch) - expected).max() < 1e-5


@pytest.mark.parametrize("name", ["pooling", "pooling below strides"])
@pytest.mark.skipif(NativeBackend(1).available() is not None, reason="the native library is not built")
def test_pooling_of_the_whole_runs_natively(build, image, name):
    model = import_model(network(build, name)).model
    runner = NativeBackend(1).load(FORMS["native"].build(model, None))
    batch = image(*NETWORKS[name][2])
    assert np.abs(runner.run(batch) - verify.run(verify.session(model), batch)).max() < 1e-4
    runner.close()


def test_a_network_of_many_sizes_is_left_free(build):
    """It takes multiples of 8 only, which is no one size."""
    body = "s = SpaceToDepth <blocksize=8> (x) c = Conv(s, w) y = DepthToSpace <blocksize=8> (c)"
    model = build(f"net (float[1,3,h,w] x) => (float[1,3,h,w] y) {{ {body} }}", w=(192, 192, 1, 1))
    assert fixed_hw(import_model(model).model) is None


@pytest.mark.parametrize(
    ("scales", "said"), [((1, 1, 1.5, 1.5), "1.5 times as large"), ((1, 1, 1, 2), "rows and columns alike")]
)
def test_a_scale_that_is_no_whole_number_ties_a_network_to_no_size(build, scales, said):
    text = (
        f'net (float[1,3,h,w] x) => (float[1,3,H,W] y) {{ {CONV} b = Resize <mode="linear"> (a, , s) y = Conv(b, v) }}'
    )
    model = build(text, w=(4, 3, 3, 3), v=(3, 4, 1, 1), s=np.array(scales, np.float32))
    with pytest.raises(ModelError, match=said):
        import_model(model)

"""Maps of one value are made of the features that they are joined to, whatever filled them before."""

from __future__ import annotations

import numpy as np
import pytest

from slsc.passes import verify
from slsc.passes.artefacts import FORMS
from slsc.passes.importing.fill_maps import FillMaps
from slsc.passes.importing.import_model import import_model
from slsc.runtime.backends.native_backend import NativeBackend

TAIL = "c = Concat <axis=1> (x, m) y = Conv <pads=[1,1,1,1]> (c, w)"
SHAPE = "s = Shape(x) hw = Slice(s, two, four) f = Concat <axis=0> (one_c, hw)"
NAMED = {"w": (3, 4, 3, 3), "two": np.array([2]), "four": np.array([4])}
FILLED = {
    "expand": (f"{SHAPE} m = Expand(level, f)", {"level": np.full((1, 1, 1, 1), 0.25, np.float32)}),
    "tile": (f"{SHAPE} m = Tile(level, f)", {"level": np.full((1, 1, 1, 1), 0.25, np.float32)}),
    "constant of shape": (f"{SHAPE} o = ConstantOfShape <value=float[1] {{2.0}}> (f) m = Mul(o, level)",
                          {"level": np.float32(0.25)}),
}  # fmt: skip


def network(build, name):
    body, values = FILLED[name]
    return build(
        f"net (float[1,3,h,w] x) => (float[1,3,h,w] y) {{ {body} {TAIL} }}",
        **NAMED, one_c=np.array([1, 1]), **values,
    )  # fmt: skip


@pytest.mark.parametrize("name", FILLED)
def test_a_map_is_filled_at_every_size(build, image, name):
    model = network(build, name)
    result = import_model(model)
    assert result.report["fill-maps"]["filled"] == ["Concat making 'c'"]
    assert not {"Shape", "Expand", "Tile", "ConstantOfShape"} & {node.op_type for node in result.model.graph.node}
    for hw in ((20, 24), (9, 31)):
        expected = verify.run(verify.session(model), image(*hw))
        assert np.abs(verify.run(verify.session(result.model), image(*hw)) - expected).max() < 1e-6


@pytest.mark.skipif(NativeBackend(1).available() is not None, reason="the native library is not built")
def test_it_then_runs_natively(build, image):
    model = network(build, "tile")
    runner = NativeBackend(1).load(FORMS["native"].build(import_model(model).model, None))
    expected = verify.run(verify.session(model), image(20, 24))
    assert np.abs(runner.run(image(20, 24)) - expected).max() < 1e-5
    runner.close()


def test_maps_of_several_values_stay(build, proven):
    """The position in the image is no level."""
    body = f"""s = Shape(x) n = Slice(s, three, four) z = Squeeze(n) r = Range(nought, z, step) g = Cast <to=1> (r)
      k = Unsqueeze(g, axes) hw = Slice(s, two, four) f = Concat <axis=0> (one_c, hw) m = Expand(k, f) {TAIL}"""
    model = build(
        f"net (float[1,3,h,w] x) => (float[1,3,h,w] y) {{ {body} }}", **NAMED, one_c=np.array([1, 1]),
        three=np.array([3]), nought=np.array(0), step=np.array(1), axes=np.array([0, 1, 2]),
    )  # fmt: skip
    assert not proven(model, FillMaps()).modified

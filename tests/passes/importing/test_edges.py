"""Networks without padding restore the whole image: as ONNX Runtime on a photo whose edge is continued by hand."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from slsc.errors import ModelError
from slsc.passes import verify
from slsc.passes.analysis.cost import output_scale
from slsc.passes.analysis.receptive_field import receptive_field
from slsc.passes.artefacts import FORMS
from slsc.passes.base import PassContext
from slsc.passes.graph import declared_shape
from slsc.passes.importing.edges import ContinueEdges
from slsc.passes.importing.import_model import import_model
from slsc.runtime.backends.native_backend import NativeBackend

UNET = """a = Conv (x, w1) b = LeakyRelu(a)
  d = Conv <strides=[2,2]> (b, w2) e = Conv (d, w3) u = ConvTranspose <strides=[2,2]> (e, w4)
  s = {crop} j = Add(s, u) {end}"""
SLICE = {"from": np.array([2, 2]), "to": np.array([-2, -2]), "axes": np.array([2, 3])}
INNER = {"w1": (8, 3, 3, 3), "w2": (8, 8, 2, 2), "w3": (8, 8, 3, 3), "w4": (8, 8, 2, 2)}
ENLARGE = "y = ConvTranspose <strides=[2,2], pads=[3,3,3,3]> (j, w5)"

NETWORKS = {
    # name: (body, values, scale, cut off each side, pixels put on, multiple)
    "plain": ("a = Conv(x, w1) b = Relu(a) y = Conv(b, w2)", {"w1": (8, 3, 3, 3), "w2": (3, 8, 3, 3)}, 1, 2, 2, 1),
    "residual": (
        "a = Conv(x, w1) s = Slice(x, from, to, axes) y = Add(a, s)",
        {"w1": (3, 3, 5, 5), **SLICE},
        1,
        2,
        2,
        1,
    ),
    "enlarging": (f"j = Conv(x, w1) {ENLARGE}", {"w1": (8, 3, 3, 3), "w5": (8, 3, 4, 4)}, 2, 4, 2, 1),
    "half a pixel": (
        "j = Conv(x, w1) y = ConvTranspose <strides=[2,2], pads=[2,2,2,2]> (j, w5)",
        {"w1": (8, 3, 3, 3), "w5": (8, 3, 4, 4)},
        2,
        3,
        2,
        1,
    ),
    "unet sliced": (
        UNET.format(crop="Slice(b, from, to, axes)", end="y = Conv(j, w5)"),
        {**INNER, **SLICE, "w5": (3, 8, 3, 3)},
        1,
        4,
        4,
        2,
    ),
    "unet padded by less than nothing": (
        UNET.format(crop="Pad(b, less)", end=ENLARGE),
        {**INNER, "less": np.array([0, 0, -2, -2, 0, 0, -2, -2]), "w5": (8, 3, 4, 4)},
        2,
        8,
        4,
        2,
    ),
}


def network(build, name, size="h,w", opset=17) -> onnx.ModelProto:
    body, values, *_ = NETWORKS[name]
    return build(f"net (float[1,3,{size}] x) => (float[1,3,H,W] y) {{ {body} }}", opset=opset, **values)


def right(model: onnx.ModelProto, batch: np.ndarray, scale: int, cut: int, by: int) -> np.ndarray:
    """The original on the continued photo, and what that leaves beyond the photo cut off."""
    continued = np.pad(batch, [(0, 0), (0, 0), (by, by), (by, by)], mode="edge")
    output = verify.run(verify.session(model), continued)
    beyond = scale * by - cut
    rows, columns = (scale * side for side in batch.shape[2:])
    return output[:, :, beyond : beyond + rows, beyond : beyond + columns]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_whole_photo_is_restored(build, image, name):
    _, _, scale, cut, by, multiple = NETWORKS[name]
    model = network(build, name)
    found = import_model(model)
    assert found.report["continue-edges"]["cut"] == [2 * cut, 2 * cut] and output_scale(found.model) == scale
    running = verify.session(found.model)
    for rows, columns in ((24, 36), (24 + multiple, 30 + 3 * multiple)):
        batch = image(rows, columns)
        made = verify.run(running, batch)
        assert made.shape == (1, 3, scale * rows, scale * columns)
        assert np.abs(made - right(model, batch, scale, cut, by)).max() < 1e-5


@pytest.mark.parametrize("name", NETWORKS)
def test_tiles_with_the_receptive_field_are_exact(build, image, name):
    scale = NETWORKS[name][2]
    model = import_model(network(build, name)).model
    field = receptive_field(model)
    assert field.exact and field.radius is not None
    halo = -(-field.radius // field.align) * field.align
    running, batch = verify.session(model), image(64, 64)
    whole = verify.run(running, batch)
    tile = verify.run(running, batch[:, :, 16 - halo : 48 + halo, 16 - halo : 48 + halo])
    inner = slice(scale * halo, scale * (halo + 32))
    assert np.abs(tile[:, :, inner, inner] - whole[:, :, 16 * scale : 48 * scale, 16 * scale : 48 * scale]).max() < 1e-5


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.skipif(NativeBackend(1).available() is not None, reason="the native library is not built")
def test_the_native_engine_restores_it_likewise(build, image, name):
    model = import_model(network(build, name)).model
    runner = NativeBackend(1).load(FORMS["native"].build(model, None))
    for hw in ((24, 36), (40, 26)):
        expected = verify.run(verify.session(model), image(*hw))
        assert np.abs(runner.run(image(*hw)) - expected).max() < 1e-4
    runner.close()


@pytest.mark.parametrize("name", ["plain", "enlarging", "unet sliced"])
def test_a_size_that_is_declared_is_freed(build, image, name):
    _, _, scale, cut, by, _ = NETWORKS[name]
    model = network(build, name, size="64,64")
    result = import_model(model).model
    assert declared_shape(result, "x")[2:] == (None, None)
    batch = image(64 - 2 * by, 64 - 2 * by)
    expected = right(model, batch, scale, cut, by)
    assert np.abs(verify.run(verify.session(result), batch) - expected).max() < 1e-5


def test_sizes_of_one_remainder_become_multiples(build, image):
    """Sides of 4 n + 2 are taken: after two pixels are put on at each side, multiples of 4 want as much."""
    body = """a = Conv(x, w1) s = SpaceToDepth <blocksize=4> (a) t = DepthToSpace <blocksize=4> (s) y = Conv(t, w2)"""
    model = build(f"net (float[1,3,h,w] x) => (float[1,3,H,W] y) {{ {body} }}", w1=(3, 3, 3, 3), w2=(3, 3, 3, 3))
    result = import_model(model).model
    batch = image(32, 40)
    continued = np.pad(batch, [(0, 0), (0, 0), (2, 4), (2, 4)], mode="edge")
    expected = verify.run(verify.session(model), continued)[:, :, :32, :40]
    assert np.abs(verify.run(verify.session(result), batch) - expected).max() < 1e-5


def test_old_models_are_continued_too(build, image):
    model = network(build, "plain", opset=9)
    expected = right(model, image(21, 20), *NETWORKS["plain"][2:5])
    assert np.abs(verify.run(verify.session(import_model(model).model), image(21, 20)) - expected).max() < 1e-5


def test_networks_that_pad_are_left_alone(build):
    model = build("net (float[1,3,h,w] x) => (float[1,3,h,w] y) { y = Conv <pads=[1,1,1,1]> (x, w) }", w=(3, 3, 3, 3))
    assert not ContinueEdges().run(model, PassContext()).modified


def test_a_centre_between_pixels_is_refused(build):
    """Which of both pixels is meant cannot be told."""
    with pytest.raises(ModelError, match="export a network that pads"):
        import_model(build("net (float[1,3,h,w] x) => (float[1,3,H,W] y) { y = Conv (x, w) }", w=(3, 3, 2, 2)))

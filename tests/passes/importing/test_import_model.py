"""The whole import on networks of others: freed, fused, and unchanged in what they compute."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from slsc.errors import ModelError
from slsc.passes import verify
from slsc.passes.analysis.receptive_field import receptive_field
from slsc.passes.base import PassContext
from slsc.passes.graph import declared_shape, image_channels, initializers
from slsc.passes.importing.import_model import import_model, import_pipeline
from slsc.passes.importing.load import load_model

THIRD_PARTY = [("subpixel_cnn_x3_luma.onnx", 3, 5), ("distill_enhancer_256_rgb.onnx", 1, 27)]


@pytest.mark.parametrize(("file", "scale", "radius"), THIRD_PARTY)
def test_third_party_networks_are_freed_and_unchanged(data_dir, image, file, scale, radius):
    model = load_model(data_dir / "onnx" / file)
    side, channels = declared_shape(model, "input")[2], image_channels(model)
    full = image(side, side, channels)
    result = import_pipeline().run(model, PassContext((full,)))
    freed = result.model
    onnx.checker.check_model(freed, full_check=True)
    assert declared_shape(freed, "input") == (None, channels, None, None)
    assert verify.compare(model, freed, [full]).relative < 1e-6
    assert not {"Reshape", "Transpose", "Constant"} & {node.op_type for node in freed.graph.node}
    field = receptive_field(freed)
    assert field.exact and field.radius == radius
    # At another size: a part of the image, away from the cut, is what the fixed network makes of the whole.
    part = verify.run(verify.session(freed), full[:, :, 40:160, 30:170])
    whole = verify.run(verify.session(model), full)[:, :, 40 * scale : 160 * scale, 30 * scale : 170 * scale]
    inner = slice(radius * scale, -radius * scale)
    assert np.abs(part - whole)[:, :, inner, inner].max() <= 1e-5 * np.ptp(whole)


def test_other_sizes_really_are_refused_before(data_dir, image):
    model = load_model(data_dir / "onnx" / THIRD_PARTY[0][0])
    with pytest.raises(ModelError):
        verify.run(verify.session(model), image(100, 120, 1))


def test_a_half_precision_network_computes_in_float32_and_is_proven(build, image):
    text = """net (float16[n,3,h,w] x) => (float16[n,3,H,W] y) {
        a = Conv <pads=[1,1,1,1]> (x, head)
        n = BatchNormalization(a, g, g, g, v)
        r = Relu(n)
        y = Conv <pads=[1,1,1,1]> (r, tail)
    }"""
    rng = np.random.default_rng(0)
    values = {"head": (16, 3, 3, 3), "tail": (3, 16, 3, 3), "g": (16,)}
    half = {name: rng.normal(0, 0.2, shape).astype(np.float16) for name, shape in values.items()}
    model = build(text, v=np.ones(16, np.float16), **half)
    result = import_model(model)
    assert [node.op_type for node in result.model.graph.node] == ["Conv", "Relu", "Conv"]
    assert {value.dtype for value in initializers(result.model).values()} == {np.dtype(np.float32)}
    assert verify.compare(model, result.model, [image(16, 16)]).relative < 1e-2
    assert result.report["fold-batch-norm"]["difference"]["max_abs"] < 1e-4


def test_strides_that_suit_no_power_of_two(build):
    text = """net (float[n,3,h,w] x) => (float[n,3,h,w] y) {
        a = Conv <strides=[3,3]> (x, down)
        b = DepthToSpace <blocksize=3, mode="CRD"> (a)
        y = Add(b, x)
    }"""
    model = build(text, down=(27, 3, 3, 3))
    assert import_model(model).report["import-checks"]["scale"] == 1


def test_a_network_that_makes_white_of_all_but_the_dark_is_taken(build):
    text = """net (float[n,3,h,w] x) => (float[n,3,h,w] y) {
      c = Conv (x, w) s = Add(c, one) b = Mul(s, four) y = Clip(b, zero, one)
    }"""
    numbers = {"zero": np.float32(0), "one": np.float32(1), "four": np.float32(4)}
    model = build(text, w=np.full((3, 3, 1, 1), 1 / 3, np.float32), **numbers)
    assert import_model(model).report["import-checks"]["scale"] == 1


@pytest.mark.parametrize(
    "values", [{"w": (3, 3, 3, 3), "zero": np.float32(0)}, {"w": np.zeros((3, 3, 3, 3), np.float32)}]
)
def test_a_network_that_ignores_its_image_is_refused(build, values):
    body = (
        "m = Mul(x, zero) y = Conv <pads=[1,1,1,1]> (m, w)" if "zero" in values else "y = Conv <pads=[1,1,1,1]> (x, w)"
    )
    with pytest.raises(ModelError, match="y: the output is the same for every image"):
        import_model(build(f"net (float[n,3,h,w] x) => (float[n,3,h,w] y) {{ {body} }}", **values))


def test_weights_stored_in_64_bits_become_those_that_are_computed_with(build, image):
    text = """net (float[n,3,h,w] x) => (float[n,3,h,w] y) {
        c = Cast <to=1> (wide) y = Conv <pads=[1,1,1,1]> (x, c) }"""
    model = build(text, wide=np.random.default_rng(0).normal(0, 0.2, (3, 3, 3, 3)))
    imported = import_model(model)
    assert {value.dtype for value in initializers(imported.model).values()} == {np.dtype(np.float32)}
    assert [node.op_type for node in imported.model.graph.node] == ["Conv"]
    assert "note" not in imported.report["float-images"]
    assert verify.compare(model, imported.model, [image(16, 16)]).relative < 1e-6

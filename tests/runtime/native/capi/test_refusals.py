"""What the C library refuses, and what it says of it."""

from __future__ import annotations

import ctypes
from ctypes import byref, c_void_p
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

BAD_ARGUMENT, BAD_SIZE, UNSUPPORTED, CANNOT_READ, BAD_BUNDLE, BAD_OUTPUT = 2, 3, 5, 7, 8, 9


def _refused(native: ctypes.CDLL, context: c_void_p, path: Path | None, engine: str | None = None) -> tuple[int, str]:
    handle = c_void_p(1)
    name = engine.encode() if engine else None
    status = native.slsc_bundle_open(context, str(path).encode() if path else None, name, byref(handle))
    assert not handle
    return status, native.slsc_bundle_last_error(None).decode()


def test_opening_says_what_is_wrong(native, context, network, bundles, tmp_path):
    good = network("rgb")
    assert _refused(native, context, tmp_path / "none.slsb") == (
        CANNOT_READ,
        f"{tmp_path / 'none.slsb'}: cannot open the bundle: unreadable: there is no such file",
    )
    status, why = _refused(native, context, tmp_path)
    assert (status, "no regular file" in why) == (CANNOT_READ, True)
    (tmp_path / "photo.slsb").write_bytes(b"JFIF")
    status, why = _refused(native, context, tmp_path / "photo.slsb")
    assert (status, "not_a_bundle" in why) == (BAD_BUNDLE, True)
    status, why = _refused(native, context, good, "1-2")
    assert (status, why.endswith("no engine '1-2'; it has 1-8, dense")) == (BAD_ARGUMENT, True)
    status, why = _refused(native, context, good, "dense")
    assert (status, "Einsum has no counterpart" in why) == (UNSUPPORTED, True)
    bundles.write(tmp_path / "old.slsb", b"", {**bundles.manifest(), "schema": 1})
    status, why = _refused(native, context, tmp_path / "old.slsb")
    assert (status, "made by an older slsc (schema 1), compile it again" in why) == (BAD_BUNDLE, True)
    assert _refused(native, context, None)[0] == BAD_ARGUMENT
    assert _refused(native, c_void_p(), None)[0] == BAD_ARGUMENT
    assert native.slsc_bundle_open(context, str(good).encode(), None, None) == BAD_ARGUMENT


def test_a_damaged_plan_is_refused(native, context, bundles, tmp_path):
    path = bundles.write(tmp_path / "net.slsb", b"no plan", bundles.manifest())
    status, why = _refused(native, context, path)
    assert status == 1
    assert why


def test_restoring_says_what_is_wrong(native, network, opened, picture):
    bundle = opened(network("rgb"))
    image, restored = picture(9, 9), np.empty((18, 18, 3), np.uint8)

    def run(height: int, width: int, channels: int, kind: int, *, pixels: int | None = image.ctypes.data) -> str:
        out = restored.ctypes.data
        status = native.slsc_bundle_restore(bundle.handle, pixels, height, width, channels, kind, out)
        assert status == BAD_ARGUMENT
        return bundle.error

    assert "height and width" in run(0, 9, 3, 0)
    assert "height and width" in run(9, (1 << 20) + 1, 3, 0)
    assert "channels must be" in run(9, 9, 0, 0)
    assert "channels must be" in run(9, 9, 5, 0)
    assert "sample type" in run(9, 9, 3, 3)
    assert "null" in run(9, 9, 3, 0, pixels=None)
    for bad in (-0.1, 1.5, np.nan):
        status, _ = bundle.run(np.full((9, 9, 3), bad, np.float32))
        assert (status, "values outside 0..1" in bundle.error) == (BAD_ARGUMENT, True)
    assert native.slsc_bundle_restore(None, image.ctypes.data, 9, 9, 3, 0, restored.ctypes.data) == BAD_ARGUMENT
    assert native.slsc_bundle_set_memory(None, 1) == BAD_ARGUMENT


def test_a_wrong_manifest_is_no_wrong_picture(tiny, bundles, tmp_path, opened, picture):
    from slsc.passes.lowering import lower

    plan = lower(onnx.load_from_string(tiny.sr_network(scale=2)), None)
    for name, io in {"scale": {"scale": 3}, "channels": {"channels": 1}}.items():
        bundle = opened(bundles.write(tmp_path / f"{name}.slsb", plan, bundles.manifest(io=io)))
        status, _ = bundle.run(picture(9, 9))
        assert (status, "its bundle says" in bundle.error) == (BAD_BUNDLE, True)


def test_values_that_are_not_numbers_are_refused(bundles, tmp_path, opened, picture):
    from onnx import TensorProto, helper, numpy_helper

    from slsc.passes.lowering import lower

    sides = ["n", 3, "h", "w"]
    image, out = (helper.make_tensor_value_info(name, TensorProto.FLOAT, sides) for name in ("image", "out"))
    huge = numpy_helper.from_array(np.full((3, 3, 1, 1), 1e38, np.float32), "w")
    nodes = [helper.make_node("Conv", ["image", "w"], ["a"]), helper.make_node("Conv", ["a", "w"], ["out"])]
    graph = helper.make_graph(nodes, "overflows", [image], [out], [huge])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = bundles.write(tmp_path / "net.slsb", lower(model, None), bundles.manifest(io={"scale": 1}))
    bundle = opened(path)
    status, _ = bundle.run(picture(9, 9))
    assert (status, "not numbers: output row" in bundle.error) == (BAD_OUTPUT, True)


def test_a_fixed_input_too_small_for_tiles_is_said(tiny, bundles, tmp_path, opened, picture):
    from slsc.passes.lowering import lower

    plan = lower(onnx.load_from_string(tiny.sr_network(fixed=(8, 8))), None)
    path = bundles.write(tmp_path / "net.slsb", plan, bundles.manifest(io={"fixed_hw": [8, 8]}))
    bundle = opened(path)
    assert bundle.restore(picture(5, 8)).shape == (10, 16, 3)
    status, _ = bundle.run(picture(9, 8))
    assert (status, "too small to tile" in bundle.error) == (BAD_SIZE, True)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"kind": "pickle"}, "kind"),
        ({"candidates": ["bicubic", "another"]}, "another is no candidate"),
        ({"candidates": ["bicubic"]}, "at least two"),
        ({"region": [24, 30]}, "multiples of 4"),
        ({"beta": -1.0}, "beta"),
        ({"entry": "nowhere"}, "nowhere is not among the entries"),
        ({"more": 1}, "more"),
    ],
)
def test_estimators_that_make_no_sense_are_refused(network, native, context, with_estimator, changed, message):
    status, why = _refused(native, context, with_estimator(network("rgb"), **changed))
    assert (status, message in why) == (BAD_BUNDLE, True)

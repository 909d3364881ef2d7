"""Bundles through the C library: what comes out is what the Python runtime gives with its native backend."""

from __future__ import annotations

import ctypes
import hashlib
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from ctypes import POINTER, byref, c_char_p, c_int, c_uint64, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import slsc
from slsc.runtime.backends.library import library_path
from slsc.runtime.bundle.engines import LAYER_TYPES, PRECISIONS
from slsc.runtime.bundle.estimators import FEATURES, KIND, TERMS, EstimatorRecord
from slsc.runtime.session import Session

onnx = pytest.importorskip("onnx")

OK, BAD_ARGUMENT, BAD_SIZE, NO_MEMORY, UNSUPPORTED, CANNOT_READ, BAD_BUNDLE, BAD_OUTPUT = 0, 2, 3, 4, 5, 7, 8, 9
SAMPLE_TYPES = {np.uint8: 0, np.uint16: 1, np.float32: 2}
LEVELS = {np.uint8: 1, np.uint16: 1, np.float32: 1e-6}
"""How far results may be off where luma is summed, which numpy does in no certain order."""

SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "slsc_version": (c_char_p, []),
    "slsc_has": (c_int, [c_char_p]),
    "slsc_context_create": (c_int, [c_int, POINTER(c_void_p)]),
    "slsc_context_free": (None, [c_void_p]),
    "slsc_bundle_open": (c_int, [c_void_p, c_char_p, c_char_p, POINTER(c_void_p)]),
    "slsc_bundle_close": (None, [c_void_p]),
    "slsc_bundle_scale": (c_int, [c_void_p]),
    "slsc_bundle_channels": (c_int, [c_void_p]),
    "slsc_bundle_task": (c_char_p, [c_void_p]),
    "slsc_bundle_engine": (c_char_p, [c_void_p]),
    "slsc_bundle_engine_count": (c_int, [c_void_p]),
    "slsc_bundle_engine_name": (c_char_p, [c_void_p, c_int]),
    "slsc_bundle_set_memory": (c_int, [c_void_p, c_uint64]),
    "slsc_bundle_restore": (c_int, [c_void_p, c_void_p, c_int, c_int, c_int, c_int, c_void_p]),
    "slsc_bundle_last_error": (c_char_p, [c_void_p]),
}


@pytest.fixture(scope="session")
def native() -> ctypes.CDLL:
    if library_path() is None:
        pytest.skip("the native library was not built")
    library = ctypes.CDLL(str(library_path()))
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


@pytest.fixture
def context(native: ctypes.CDLL) -> Iterator[c_void_p]:
    handle = c_void_p()
    assert native.slsc_context_create(1, byref(handle)) == OK
    yield handle
    native.slsc_context_free(handle)


@dataclass
class Opened:
    """A bundle in the C library."""

    native: ctypes.CDLL
    handle: c_void_p

    def run(self, image: np.ndarray) -> tuple[int, np.ndarray]:
        """Status and result."""
        scale = self.native.slsc_bundle_scale(self.handle)
        height, width, channels = image.shape
        # A border of unlikely values, which must stay.
        whole = np.full(height * width * channels * scale**2 + 16, 77, image.dtype)
        restored = whole[8:-8].reshape(height * scale, width * scale, channels)
        data, out = np.ascontiguousarray(image).ctypes.data, restored.ctypes.data
        kind = SAMPLE_TYPES[image.dtype.type]
        status = self.native.slsc_bundle_restore(self.handle, data, height, width, channels, kind, out)
        assert (whole[:8] == 77).all()
        assert (whole[-8:] == 77).all()
        return status, restored

    def restore(self, image: np.ndarray) -> np.ndarray:
        """The result."""
        status, restored = self.run(image)
        assert status == OK, self.error
        return restored

    @property
    def error(self) -> str:
        return str(self.native.slsc_bundle_last_error(self.handle).decode())


@pytest.fixture
def opened(native: ctypes.CDLL, context: c_void_p) -> Iterator[Callable[..., Opened]]:
    """opened(path, engine=None)."""
    handles = []

    def open_one(path: Path, engine: str | None = None) -> Opened:
        handle = c_void_p()
        name = engine.encode() if engine else None
        status = native.slsc_bundle_open(context, str(path).encode(), name, byref(handle))
        assert status == OK, native.slsc_bundle_last_error(None).decode()
        handles.append(handle)
        return Opened(native, handle)

    yield open_one
    for handle in handles:
        native.slsc_bundle_close(handle)


def _image(height: int, width: int, channels: int, dtype: type) -> np.ndarray:
    rng = np.random.default_rng(3)
    if dtype is np.float32:
        return rng.random((height, width, channels)).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max + 1, (height, width, channels)).astype(dtype)


def _both(low: list[float], high: list[float]) -> dict[str, Any]:
    values = {"low": low, "high": high}
    return {"input_range": values, "output_range": values}


NORMALISED = {
    "input_range": {"low": [-1.8, -2.04, -2.12], "high": [2.64, 2.43, 2.25]},
    "output_range": {"low": [-1.0, 0.0, 3.0], "high": [1.0, 255.0, 3.5]},
}
STRIDED = {"io": {"scale": 1, "multiple_of": [2, 2]}, "tile": {"halo": 8, "receptive_field": 8, "align": 2}}
NETWORKS: dict[str, tuple[Callable[[Any], bytes], dict[str, Any]]] = {
    "rgb": (lambda tiny: tiny.sr_network(), {}),
    "bgr": (lambda tiny: tiny.sr_network(), {"io": {"order": "BGR", **_both([-1.0], [1.0])}}),
    "luma": (lambda tiny: tiny.sr_network(channels=1), {"io": {"channels": 1, **_both([16 / 255], [235 / 255])}}),
    "levels": (lambda tiny: tiny.sr_network(scale=3), {"io": {"scale": 3, **_both([0.0], [255.0])}}),
    "normalised": (lambda tiny: tiny.sr_network(), {"io": {"order": "BGR", **NORMALISED}}),
    "strided": (lambda tiny: tiny.strided_network(), STRIDED),
    "fixed": (lambda tiny: tiny.sr_network(fixed=(40, 48)), {"io": {"fixed_hw": [40, 48]}}),
}


@pytest.fixture
def network(tiny, bundles, tmp_path) -> Callable[..., Path]:
    """network(name) -> bundle."""
    from slsc.passes.lowering import lower

    def make(name: str) -> Path:
        build, about = NETWORKS[name]
        plan = lower(onnx.load_from_string(build(tiny)), None)
        return bundles.write(tmp_path / f"{name}.slsb", plan, bundles.manifest(**about))

    return make


def test_version_and_features(native, isas):
    assert native.slsc_version().decode() == slsc.__version__
    have = {name for name in ("amx", "avx512", "avx2", "neon", "portable") if native.slsc_has(name.encode())}
    assert have == set(isas)
    assert native.slsc_has(b"bundle-3") == 1
    assert native.slsc_has(b"int8") in (0, 1)
    assert native.slsc_has(b"teleport") == native.slsc_has(b"") == native.slsc_has(None) == 0


def test_what_a_bundle_says_about_itself(native, network, opened):
    bundle = opened(network("rgb"))
    assert native.slsc_bundle_scale(bundle.handle) == 2
    assert native.slsc_bundle_channels(bundle.handle) == 3
    assert native.slsc_bundle_task(bundle.handle) == b"sr"
    assert native.slsc_bundle_engine(bundle.handle) == b"1-8"
    count = native.slsc_bundle_engine_count(bundle.handle)
    assert [native.slsc_bundle_engine_name(bundle.handle, i) for i in range(-1, count + 1)] == [
        b"",
        b"1-8",
        b"dense",
        b"",
    ]
    assert native.slsc_bundle_scale(None) == native.slsc_bundle_channels(None) == 0
    assert native.slsc_bundle_task(None) == native.slsc_bundle_engine(None) == b""
    native.slsc_bundle_close(None)


@pytest.mark.parametrize("dtype", SAMPLE_TYPES)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("name", NETWORKS)
def test_result_is_that_of_the_python_runtime(network, opened, name, channels, dtype):
    path = network(name)
    image = _image(61, 53, channels, dtype)
    expected = Session(path, backend="native", threads=1).restore(image)
    made = opened(path).restore(image)
    assert made.shape == expected.shape
    sums_luma = (name == "luma") != (channels < 3)  # of colours for the network, or of what it made
    allowed = LEVELS[dtype] if sums_luma else 1e-7 if dtype is np.float32 and channels % 2 == 0 else 0
    assert np.abs(made.astype(np.float64) - expected).max() <= allowed


@pytest.mark.parametrize("dtype", SAMPLE_TYPES)
@pytest.mark.parametrize("channels", [2, 4])
def test_colour_bleeds_into_the_transparent_as_in_the_python_runtime(network, opened, channels, dtype):
    path = network("rgb")
    image = _image(150, 90, channels, dtype)
    rows, columns = np.ogrid[:150, :90]
    image[:, :, -1][(rows - 80) ** 2 + (columns - 40) ** 2 > 300] = 0
    image[20:22, 60:63, -1] = 1
    expected = Session(path, backend="native", threads=1).restore(image)
    made = opened(path).restore(image)
    allowed = LEVELS[dtype] if channels == 2 else 1e-7 if dtype is np.float32 else 0
    assert np.abs(made.astype(np.float64) - expected).max() <= allowed
    unseen = image.copy()
    unseen[image[:, :, -1] == 0] = 0
    assert np.array_equal(opened(path).restore(unseen)[150:170, 70:90], made[150:170, 70:90])


@pytest.mark.parametrize("size", [(1, 1), (1, 70), (39, 48), (41, 49), (90, 3)])
@pytest.mark.parametrize("name", NETWORKS)
def test_any_size_is_restored(network, opened, name, size):
    path = network(name)
    image = _image(*size, NETWORKS[name][1].get("io", {}).get("channels", 3), np.uint8)
    expected = Session(path, backend="native", threads=1).restore(image)
    assert np.array_equal(opened(path).restore(image), expected)


@pytest.mark.parametrize("name", ["rgb", "strided"])
def test_less_memory_gives_the_same_pixels(native, network, opened, name):
    path = network(name)
    bundle = opened(path)
    image = _image(150, 190, 3, np.uint8)
    expected = bundle.restore(image)
    ran = 0
    for memory in (2_000_000, 1_000_000, 500_000, 250_000, 120_000, 60_000):
        assert native.slsc_bundle_set_memory(bundle.handle, memory) == OK
        status, made = bundle.run(image)
        if status == OK:
            assert np.array_equal(made, expected)
            ran += 1
    assert ran >= 2
    assert native.slsc_bundle_set_memory(bundle.handle, 1) == OK
    status, _ = bundle.run(image)
    assert status == NO_MEMORY
    assert "the smallest tile does not fit" in bundle.error
    assert native.slsc_bundle_set_memory(bundle.handle, 0) == OK
    assert np.array_equal(bundle.restore(image), expected)


def test_the_copy_that_transparency_takes_is_within_the_memory_allowed(native, network, opened):
    bundle = opened(network("rgb"))
    image = _image(300, 300, 4, np.uint8)
    image[:, :, 3] = 255
    copy, tiles = 300 * 300 * 5, 200_000
    assert native.slsc_bundle_set_memory(bundle.handle, tiles) == OK
    assert bundle.run(image)[0] == OK, "nothing is transparent, nothing is copied"
    image[:9, :9, 3] = 0
    status, _ = bundle.run(image)
    assert (status, "a copy of the photo" in bundle.error, str(copy) in bundle.error) == (NO_MEMORY, True, True)
    assert native.slsc_bundle_set_memory(bundle.handle, copy + 1) == OK
    assert bundle.run(image)[0] == NO_MEMORY, "the copy fits, tiles beside it do not"
    assert native.slsc_bundle_set_memory(bundle.handle, copy + tiles) == OK
    made = bundle.restore(image)
    assert native.slsc_bundle_set_memory(bundle.handle, 0) == OK
    assert np.array_equal(made, bundle.restore(image))


def test_what_a_bundle_says_of_memory_is_not_trusted(tiny, bundles, tmp_path, native, opened):
    from slsc.passes.lowering import lower

    plan, found = lower(onnx.load_from_string(tiny.sr_network(width=16)), None), []
    for name, said in (("less", 1.0), ("more", 1e12)):
        manifest = bundles.manifest()
        manifest["engines"][0] = {**manifest["engines"][0], "bytes_per_pixel": said}
        bundle = opened(bundles.write(tmp_path / f"{name}.slsb", plan, manifest))
        statuses = []
        for memory in (1 << 20, 1 << 18, 1 << 16, 1 << 12):
            assert native.slsc_bundle_set_memory(bundle.handle, memory) == OK
            statuses.append(bundle.run(_image(90, 80, 3, np.uint8))[0])
        found.append(statuses)
    assert found[0] == found[1] and {OK, NO_MEMORY} == set(found[0])


def test_photos_run_whole(tiny, bundles, tmp_path, opened):
    from slsc.passes.lowering import lower

    plan = lower(onnx.load_from_string(tiny.sr_network(width=16)), None)
    image = _image(400, 500, 3, np.uint8)  # more than one of the largest tiles
    tile = {"halo": 0, "receptive_field": None, "exact": False, "exact_reason": "unbounded", "bound": 0.5 / 255}
    path = bundles.write(tmp_path / "net.slsb", plan, bundles.manifest(tile=tile))
    made = opened(path).restore(image)
    assert np.array_equal(made, Session(path, backend="native", threads=1).restore(image))
    assert np.array_equal(made, Session(path, backend="native", threads=1, tile=500).restore(image))
    assert not np.array_equal(made, Session(path, backend="native", threads=1, tile=100).restore(image))


def test_inexact_networks_are_tiled_with_their_halo(tiny, bundles, tmp_path, native, opened):
    from slsc.passes.lowering import lower

    plan = lower(onnx.load_from_string(tiny.sr_network(width=16)), None)
    tile = {"halo": 1, "receptive_field": None, "exact": False, "exact_reason": "unbounded"}
    path = bundles.write(tmp_path / "net.slsb", plan, bundles.manifest(tile=tile))
    image = _image(200, 2500, 3, np.uint8)
    bundle = opened(path)
    whole = bundle.restore(image)
    assert native.slsc_bundle_set_memory(bundle.handle, 500_000) == OK  # less than rows of this width take
    made = bundle.restore(image)
    assert not np.array_equal(made, whole)
    restored = (Session(path, backend="native", threads=1, tile=core).restore(image) for core in (96, 64, 48, 32, 24))
    assert any(np.array_equal(made, each) for each in restored)


def test_bundles_of_one_context_run_from_several_threads(network, opened):
    paths = [network(name) for name in ("rgb", "levels")]
    image = _image(61, 53, 3, np.uint8)
    expected = [Session(path, backend="native", threads=1).restore(image) for path in paths]
    open_bundles = [opened(path) for path in paths]
    made: list[list[np.ndarray]] = [[], []]

    def work(which: int) -> None:
        made[which] = [open_bundles[which].restore(image) for _ in range(10)]

    threads = [threading.Thread(target=work, args=(which,)) for which in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for which in range(2):
        assert len(made[which]) == 10
        assert all(np.array_equal(each, expected[which]) for each in made[which])


def test_a_context_may_be_freed_before_its_bundles(native, network):
    context, bundle = c_void_p(), c_void_p()
    assert native.slsc_context_create(2, byref(context)) == OK
    assert native.slsc_bundle_open(context, str(network("rgb")).encode(), b"1-8", byref(bundle)) == OK
    native.slsc_context_free(context)
    Opened(native, bundle).restore(_image(9, 9, 3, np.uint8))
    native.slsc_bundle_close(bundle)


def test_a_bundle_may_have_a_context_of_its_own(native, network):
    bundle = c_void_p()
    assert native.slsc_bundle_open(None, str(network("rgb")).encode(), None, byref(bundle)) == OK
    Opened(native, bundle).restore(_image(9, 9, 3, np.uint8))
    native.slsc_bundle_close(bundle)


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


def test_restoring_says_what_is_wrong(native, network, opened):
    bundle = opened(network("rgb"))
    image, restored = _image(9, 9, 3, np.uint8), np.empty((18, 18, 3), np.uint8)

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


def test_a_wrong_manifest_is_no_wrong_picture(tiny, bundles, tmp_path, opened):
    from slsc.passes.lowering import lower

    plan = lower(onnx.load_from_string(tiny.sr_network(scale=2)), None)
    for name, io in {"scale": {"scale": 3}, "channels": {"channels": 1}}.items():
        bundle = opened(bundles.write(tmp_path / f"{name}.slsb", plan, bundles.manifest(io=io)))
        status, _ = bundle.run(_image(9, 9, 3, np.uint8))
        assert (status, "its bundle says" in bundle.error) == (BAD_BUNDLE, True)


def test_types_are_those_that_the_python_runtime_knows(tiny, bundles, tmp_path, opened):
    from slsc.passes.lowering import lower

    plan = lower(onnx.load_from_string(tiny.sr_network()), None)
    for precision in PRECISIONS:
        about = bundles.manifest()
        layers = {f"weight {kind}": kind for kind in LAYER_TYPES}
        types = {"precision": precision, "layers": layers, "scales": {}}
        about["engines"] = [{**engine, "types": types} for engine in about["engines"]]
        path = bundles.write(tmp_path / "net.slsb", plan, about)
        with Session(path) as session:
            assert session.engine.types.to_dict() == types
        opened(path)


def test_values_that_are_not_numbers_are_refused(bundles, tmp_path, opened):
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
    status, _ = bundle.run(_image(9, 9, 3, np.uint8))
    assert (status, "not numbers: output row" in bundle.error) == (BAD_OUTPUT, True)


def test_a_fixed_input_too_small_for_tiles_is_said(tiny, bundles, tmp_path, opened):
    from slsc.passes.lowering import lower

    plan = lower(onnx.load_from_string(tiny.sr_network(fixed=(8, 8))), None)
    path = bundles.write(tmp_path / "net.slsb", plan, bundles.manifest(io={"fixed_hw": [8, 8]}))
    bundle = opened(path)
    assert bundle.restore(_image(5, 8, 3, np.uint8)).shape == (10, 16, 3)
    status, _ = bundle.run(_image(9, 8, 3, np.uint8))
    assert (status, "too small to tile" in bundle.error) == (BAD_SIZE, True)


def _with_estimator(source: Path, target: Path, **changed: Any) -> Path:
    """A bundle that tells its engine from what costs nothing, by estimates of 1."""
    entry, data = "estimators/errors.f32", np.ones(2 * FEATURES + TERMS * 2, "<f4").tobytes()
    with zipfile.ZipFile(source) as bundle:
        files = {name: bundle.read(name) for name in bundle.namelist()}
    manifest = json.loads(files.pop("manifest.json"))
    engine = manifest["engines"][0]["name"]
    manifest["candidates"] = [
        {"name": engine, "cost": 0.5, "quality": {}},
        {"name": "bicubic", "cost": 0.0, "quality": {}},
    ]
    estimator = EstimatorRecord(KIND, entry, ("bicubic", engine), False, (24, 32), 0.1, 0.1, 0.5, {}, {}).to_dict()
    manifest["estimators"] = [{**estimator, **changed}]
    manifest["entries"][entry] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as bundle:
        for name, content in {"manifest.json": json.dumps(manifest), **files, entry: data}.items():
            bundle.writestr(zipfile.ZipInfo(name), content)
    return target


def test_a_bundle_that_chooses_by_region_is_restored_with_its_engine(network, opened, tmp_path):
    plain = network("rgb")
    adaptive, image = _with_estimator(plain, tmp_path / "adaptive.slsb"), _image(30, 41, 3, np.uint8)
    with Session(adaptive, threads=1) as session:
        assert session.adaptive
    np.testing.assert_array_equal(opened(adaptive).restore(image), opened(plain).restore(image))


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
def test_estimators_that_make_no_sense_are_refused(network, native, context, tmp_path, changed, message):
    path, handle = _with_estimator(network("rgb"), tmp_path / "adaptive.slsb", **changed), c_void_p()
    assert native.slsc_bundle_open(context, str(path).encode(), None, byref(handle)) == BAD_BUNDLE
    assert message in native.slsc_bundle_last_error(None).decode()

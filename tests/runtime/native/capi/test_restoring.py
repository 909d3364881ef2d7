"""Bundles through the C library: what comes out is what the Python runtime gives with its native backend."""

from __future__ import annotations

import threading
from ctypes import byref, c_void_p

import numpy as np
import pytest

import slsc
from slsc.runtime.bundle.engines import LAYER_TYPES, PRECISIONS
from slsc.runtime.session import Session

onnx = pytest.importorskip("onnx")

OK, NO_MEMORY = 0, 4
LEVELS = {np.uint8: 1, np.uint16: 1, np.float32: 1e-6}
"""How far results may be off where luma is summed, which numpy does in no certain order."""

NETWORKS = ("rgb", "bgr", "luma", "levels", "normalised", "strided", "fixed")


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


@pytest.mark.parametrize("dtype", LEVELS)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("name", NETWORKS)
def test_result_is_that_of_the_python_runtime(network, opened, name, channels, dtype, picture):
    path = network(name)
    image = picture(61, 53, channels, dtype)
    expected = Session(path, backend="native", threads=1).restore(image)
    made = opened(path).restore(image)
    assert made.shape == expected.shape
    sums_luma = (name == "luma") != (channels < 3)  # of colours for the network, or of what it made
    allowed = LEVELS[dtype] if sums_luma else 1e-7 if dtype is np.float32 and channels % 2 == 0 else 0
    assert np.abs(made.astype(np.float64) - expected).max() <= allowed


@pytest.mark.parametrize("dtype", LEVELS)
@pytest.mark.parametrize("channels", [2, 4])
def test_colour_bleeds_into_the_transparent_as_in_the_python_runtime(network, opened, channels, dtype, picture):
    path = network("rgb")
    image = picture(150, 90, channels, dtype)
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
def test_any_size_is_restored(network, opened, name, size, picture):
    path = network(name)
    image = picture(*size, 1 if name == "luma" else 3)
    expected = Session(path, backend="native", threads=1).restore(image)
    assert np.array_equal(opened(path).restore(image), expected)


@pytest.mark.parametrize("name", ["rgb", "strided"])
def test_less_memory_gives_the_same_pixels(native, network, opened, name, picture):
    path = network(name)
    bundle = opened(path)
    image = picture(150, 190)
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


def test_the_copy_that_transparency_takes_is_within_the_memory_allowed(native, network, opened, picture):
    bundle = opened(network("rgb"))
    image = picture(300, 300, 4, np.uint8)
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


def test_what_a_bundle_says_of_memory_is_not_trusted(tiny, bundles, tmp_path, native, opened, picture):
    from slsc.passes.lowering import lower

    plan, found = lower(onnx.load_from_string(tiny.sr_network(width=16)), None), []
    for name, said in (("less", 1.0), ("more", 1e12)):
        manifest = bundles.manifest()
        manifest["engines"][0] = {**manifest["engines"][0], "bytes_per_pixel": said}
        bundle = opened(bundles.write(tmp_path / f"{name}.slsb", plan, manifest))
        statuses = []
        for memory in (1 << 20, 1 << 18, 1 << 16, 1 << 12):
            assert native.slsc_bundle_set_memory(bundle.handle, memory) == OK
            statuses.append(bundle.run(picture(90, 80))[0])
        found.append(statuses)
    assert found[0] == found[1] and {OK, NO_MEMORY} == set(found[0])


def test_photos_run_whole(tiny, bundles, tmp_path, opened, picture):
    from slsc.passes.lowering import lower

    plan = lower(onnx.load_from_string(tiny.sr_network(width=16)), None)
    image = picture(400, 500)  # more than one of the largest tiles
    tile = {"halo": 0, "receptive_field": None, "exact": False, "exact_reason": "unbounded", "bound": 0.5 / 255}
    path = bundles.write(tmp_path / "net.slsb", plan, bundles.manifest(tile=tile))
    made = opened(path).restore(image)
    assert np.array_equal(made, Session(path, backend="native", threads=1).restore(image))
    assert np.array_equal(made, Session(path, backend="native", threads=1, tile=500).restore(image))
    assert not np.array_equal(made, Session(path, backend="native", threads=1, tile=100).restore(image))


def test_inexact_networks_are_tiled_with_their_halo(tiny, bundles, tmp_path, native, opened, picture):
    from slsc.passes.lowering import lower

    plan = lower(onnx.load_from_string(tiny.sr_network(width=16)), None)
    tile = {"halo": 1, "receptive_field": None, "exact": False, "exact_reason": "unbounded"}
    path = bundles.write(tmp_path / "net.slsb", plan, bundles.manifest(tile=tile))
    image = picture(200, 2500)
    bundle = opened(path)
    whole = bundle.restore(image)
    assert native.slsc_bundle_set_memory(bundle.handle, 500_000) == OK  # less than rows of this width take
    made = bundle.restore(image)
    assert not np.array_equal(made, whole)
    restored = (Session(path, backend="native", threads=1, tile=core).restore(image) for core in (96, 64, 48, 32, 24))
    assert any(np.array_equal(made, each) for each in restored)


def test_bundles_of_one_context_run_from_several_threads(network, opened, picture):
    paths = [network(name) for name in ("rgb", "levels")]
    image = picture(61, 53)
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


def test_a_context_may_be_freed_before_its_bundles(native, network, opened, picture):
    context = c_void_p()
    assert native.slsc_context_create(2, byref(context)) == OK
    bundle = opened(network("rgb"), "1-8", context)
    native.slsc_context_free(context)
    bundle.restore(picture(9, 9))


def test_a_bundle_may_have_a_context_of_its_own(network, opened, picture):
    opened(network("rgb"), within=None).restore(picture(9, 9))


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


def test_a_bundle_that_chooses_by_region_is_restored_with_its_engine(network, opened, with_estimator, picture):
    plain = network("rgb")
    adaptive, image = with_estimator(plain), picture(30, 41)
    with Session(adaptive, threads=1) as session:
        assert session.adaptive
    np.testing.assert_array_equal(opened(adaptive).restore(image), opened(plain).restore(image))

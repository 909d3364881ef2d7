from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from slsc.errors import BackendError, BundleError, DataError, ResourceError, UsageError, VerificationError
from slsc.runtime import Session
from slsc.runtime.bundle.engines import Artefact
from slsc.runtime.bundle.manifest import TileGeometry
from slsc.runtime.bundle.value_range import ValueRange
from slsc.runtime.image.resample import imresize
from slsc.runtime.memory import resident_bytes

MakeBundle = Callable[..., Path]
TILE = 8


def noise(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(11).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


LEVELS = ValueRange.uniform(0, 255)


def whole(session: Session, image: np.ndarray) -> np.ndarray:
    """The network on the whole image, unit range, HxWx3."""
    batch = (image.astype(np.float32) / np.iinfo(image.dtype).max).transpose(2, 0, 1)[None]
    return session.restore_tensor(batch)[0].transpose(1, 2, 0)


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (8, 8), (41, 29), (3, 60)])
def test_tiled_equals_whole(make_bundle: MakeBundle, size: tuple[int, int]) -> None:
    session = Session(make_bundle(), tile=TILE, exact=True, threads=1)
    image = noise(*size, 3)
    unit = (image / 255).astype(np.float32)
    restored = session.restore(unit)
    assert restored.shape == (2 * size[0], 2 * size[1], 3)
    assert np.abs(restored - np.clip(whole(session, image), 0, 1)).max() <= 1e-5


def strided_session(make_bundle: MakeBundle, tiny: SimpleNamespace, align: int, multiple: int) -> Session:
    tile = TileGeometry(halo=7, bound=0.0, receptive_field=7, align=align)
    manifest = tiny.manifest(scale=1, tile=tile, multiple_of=(multiple, multiple))
    return Session(make_bundle(tiny.strided_network(), manifest), tile=10, exact=True, threads=1)


@pytest.mark.parametrize("align", [1, 2])
def test_tiles_of_a_strided_network_start_where_its_strides_do(
    make_bundle: MakeBundle, tiny: SimpleNamespace, align: int
) -> None:
    session = strided_session(make_bundle, tiny, align, 1)
    image = noise(42, 42, 3)
    expected = whole(session, image).clip(0, 1)
    equal = np.allclose(session.restore((image / 255).astype(np.float32)), expected, atol=1e-5)
    assert equal == (align == 2), "tiles that start at odd pixels are wrong, so the alignment is what makes them right"


def test_odd_photo_through_a_strided_network(make_bundle: MakeBundle, tiny: SimpleNamespace) -> None:
    session = strided_session(make_bundle, tiny, 2, 2)
    image = noise(41, 57, 3)
    expected = whole(session, image).clip(0, 1)
    assert np.allclose(session.restore((image / 255).astype(np.float32)), expected, atol=1e-5)


def test_too_small_a_halo_shows(make_bundle: MakeBundle, tiny: SimpleNamespace) -> None:
    """The test above can fail: without the halo the seams are visible."""
    manifest = tiny.manifest()
    manifest = replace(manifest, tile=replace(manifest.tile, halo=0, bound=1.0))
    session = Session(make_bundle(manifest=manifest), tile=TILE, threads=1)
    unit = (noise(41, 29, 3) / 255).astype(np.float32)
    tiled = session.restore(unit)
    session.configure(exact=True)
    assert np.abs(tiled - session.restore(unit)).max() > 1e-2


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_identity_returns_every_value(make_bundle: MakeBundle, tiny: SimpleNamespace, dtype: type) -> None:
    wide = ValueRange.uniform(-0.5, 2.0)
    path = make_bundle(tiny.identity_network(), tiny.manifest(scale=1, halo=0, input_range=wide, output_range=wide))
    image = noise(30, 20, 3, dtype=dtype)
    assert np.array_equal(Session(path, tile=TILE).restore(image), image)


def test_bgr_and_range(make_bundle: MakeBundle, tiny: SimpleNamespace) -> None:
    plain = Session(make_bundle(name="a.slsb"), threads=1)
    turned = Session(make_bundle(manifest=tiny.manifest(order="BGR"), name="b.slsb"), threads=1)
    image = noise(10, 12, 3)
    assert np.array_equal(turned.restore(image[:, :, ::-1])[:, :, ::-1], plain.restore(image))
    levels = tiny.manifest(input_range=LEVELS, output_range=LEVELS)
    bright = Session(make_bundle(manifest=levels, name="c.slsb"), threads=1)
    expected = bright.restore_tensor(image.astype(np.float32).transpose(2, 0, 1)[None])[0].transpose(1, 2, 0)
    assert np.array_equal(bright.restore(image), np.rint(np.clip(expected, 0, 255)).astype(np.uint8))


def test_values_are_clamped(make_bundle: MakeBundle, tiny: SimpleNamespace) -> None:
    bundle = make_bundle(tiny.sr_network(layers=0), tiny.manifest(halo=1))
    image = np.full((6, 6, 3), 255, np.uint8)
    session = Session(bundle)
    inside = np.clip(whole(session, image), 0, 1)
    assert (whole(session, image) != inside).any()
    assert np.array_equal(session.restore(image), np.rint(inside * 255).astype(np.uint8))


@pytest.mark.parametrize("channels", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("network", [1, 3])
def test_channels_and_alpha(make_bundle: MakeBundle, tiny: SimpleNamespace, channels: int, network: int) -> None:
    path = make_bundle(
        tiny.identity_network(scale=2, channels=network), tiny.manifest(scale=2, channels=network, halo=0)
    )
    image = noise(13, 10, channels) if channels else noise(13, 10)
    restored = Session(path, tile=TILE).restore(image)
    assert restored.shape == (26, 20, channels) if channels else (26, 20)
    assert restored.dtype == np.uint8
    colours = channels - 1 if channels in (2, 4) else channels
    nearest = image.repeat(2, axis=0).repeat(2, axis=1)
    if not channels:
        assert np.array_equal(restored, nearest)
    elif network == 3 or colours == 1:
        assert np.array_equal(restored[:, :, :colours], nearest[:, :, :colours])
    if channels in (2, 4):
        alpha = np.clip(np.rint(imresize(image[:, :, -1], (26, 20), round_passes=False)), 0, 255)
        assert np.array_equal(restored[:, :, -1], alpha.astype(np.uint8))


@pytest.mark.parametrize("network", [1, 3])
def test_what_is_transparent_leaves_no_dark_rim(make_bundle: MakeBundle, tiny: SimpleNamespace, network: int) -> None:
    """The colour under alpha 0, black in most files, is not to be seen in what is visible."""
    manifest = tiny.manifest(channels=network)
    path = make_bundle(tiny.sr_network(channels=network), manifest)
    sprite = np.zeros((40, 40, 4), np.uint8)
    sprite[12:28, 12:28] = 200, 150, 100, 255
    plain = sprite.copy()
    plain[:, :, :3] = 200, 150, 100
    given = sprite.copy()
    session = Session(path, tile=TILE, threads=1)
    restored, wanted = session.restore(sprite), session.restore(plain)
    assert np.array_equal(sprite, given)
    assert np.array_equal(restored[24:56, 24:56], wanted[24:56, 24:56])
    assert np.array_equal(restored[:, :, 3], wanted[:, :, 3])


def test_luma_network_restores_luma_and_keeps_chroma(make_bundle: MakeBundle, tiny: SimpleNamespace) -> None:
    path = make_bundle(tiny.identity_network(scale=2, channels=1), tiny.manifest(scale=2, channels=1, halo=0))
    weights = np.array([0.299, 0.587, 0.114])
    image = (0.3 + 0.4 * np.random.default_rng(2).random((12, 11, 3))).astype(np.float32)
    restored = Session(path, tile=TILE).restore(image)
    assert np.allclose(restored @ weights, (image @ weights).repeat(2, 0).repeat(2, 1), atol=1e-5)
    bicubic = imresize(image, (24, 22), round_passes=False)
    assert np.allclose(
        restored - (restored @ weights)[:, :, None], bicubic - (bicubic @ weights)[:, :, None], atol=1e-5
    )


def test_multiple_of_is_padded_and_cropped(make_bundle: MakeBundle, tiny: SimpleNamespace) -> None:
    path = make_bundle(tiny.identity_network(), tiny.manifest(scale=1, halo=0, multiple_of=(8, 4)))
    for size in [(1, 1), (8, 4), (9, 5), (30, 35)]:
        image = noise(*size, 3)
        session = Session(path, tile=TILE)
        assert np.array_equal(session.restore(image), image)
        assert session.restore_tensor(np.zeros((2, 3, *size), np.float32)).shape == (2, 3, *size)


@pytest.mark.parametrize("size", [(1, 1), (5, 40), (16, 16), (37, 50)])
def test_fixed_size_network(make_bundle: MakeBundle, tiny: SimpleNamespace, size: tuple[int, int]) -> None:
    fixed = make_bundle(tiny.sr_network(fixed=(16, 20)), tiny.manifest(fixed_hw=(16, 20)), name="fixed.slsb")
    free = Session(make_bundle(name="free.slsb"), exact=True)
    image = noise(*size, 3)
    restored = Session(fixed, exact=True).restore(image)
    assert restored.shape == (2 * size[0], 2 * size[1], 3)
    if size[0] >= 16 and size[1] >= 20:
        assert np.abs(restored.astype(int) - free.restore(image)).max() <= 1


def test_inexact_network_says_why_and_runs_whole_when_it_fits(make_bundle: MakeBundle, tiny: SimpleNamespace) -> None:
    manifest = tiny.manifest(bytes_per_pixel=1e5)
    tile = replace(manifest.tile, exact=False, receptive_field=None, exact_reason="ReduceMean 'pool'", bound=0.0123)
    path = make_bundle(manifest=replace(manifest, tile=tile))
    image = noise(40, 40, 3)
    session = Session(path, exact=True, memory=4 << 30)
    assert np.array_equal(session.restore(image), np.rint(np.clip(whole(session, image), 0, 1) * 255))
    session.configure(memory=resident_bytes() + (110 << 20))
    with pytest.raises(ResourceError, match=r"ReduceMean 'pool'.*--memory.*at most 0.012") as caught:
        session.restore(image)
    assert caught.value.exit_code == 3
    session.configure(exact=False)
    assert session.restore(image).shape == (80, 80, 3)


def test_memory_knob_chooses_the_tile_or_refuses(make_bundle: MakeBundle, tiny: SimpleNamespace) -> None:
    session = Session(make_bundle(manifest=tiny.manifest(bytes_per_pixel=20_000)), threads=1)
    image = noise(200, 200, 3)
    counts = []
    for mebibytes in (2000, 200, 60):
        session.configure(memory=resident_bytes() + (mebibytes << 20))
        session.restore(image, lambda done, total: counts.append(total) if done == total else None)
    assert counts[0] == 1 < counts[1] < counts[2]
    session.configure(memory=1 << 20)
    with pytest.raises(ResourceError, match=r"smallest tile does not fit.*use --memory \d+MiB"):
        session.restore(image)


class Flaky:
    """A runner that fails to allocate tiles of more than `limit` pixels, and returns stale buffers if misused."""

    def __init__(self, runner: object, limit: int) -> None:
        self.runner, self.limit, self.failures = runner, limit, 0

    def run(self, batch: np.ndarray) -> np.ndarray:
        from slsc.runtime.backends import AllocationFailed

        if batch.shape[2] * batch.shape[3] > self.limit:
            self.failures += 1
            raise AllocationFailed
        return self.runner.run(batch)

    def run_bytes(self, engine: object, height: int, width: int) -> int:
        return self.runner.run_bytes(engine, height, width)


def test_out_of_memory_shrinks_the_tile_and_resumes(make_bundle: MakeBundle) -> None:
    session = Session(make_bundle(), exact=True, threads=1)
    image = noise(70, 50, 3)
    expected = session.restore(image)
    flaky = Flaky(session._restorer.loaded.runner, 20 * 20)
    session._restorer.loaded = replace(session._restorer.loaded, runner=flaky)
    calls = []
    session.configure(tile=32)
    assert np.array_equal(session.restore(image, lambda done, total: calls.append((done, total))), expected)
    assert calls == [(done, calls[-1][1]) for done in range(1, len(calls) + 1)]
    assert flaky.failures <= 4
    flaky.limit = 10
    with pytest.raises(ResourceError, match="cannot be cut further"):
        session.restore(image)


def test_a_network_that_returns_nan_is_reported(make_bundle: MakeBundle, tiny: SimpleNamespace) -> None:
    manifest = tiny.manifest(scale=1, halo=0, output_range=ValueRange.uniform(0, 1e6))
    session = Session(make_bundle(tiny.identity_network(), manifest))
    sound = session._restorer.loaded.runner
    broken = SimpleNamespace(run=lambda batch: batch * np.nan, run_bytes=sound.run_bytes)
    session._restorer.loaded = replace(session._restorer.loaded, runner=broken)
    with pytest.raises(VerificationError, match="not numbers"):
        session.restore(noise(4, 4, 3))


def test_wrong_output_size_is_reported(make_bundle: MakeBundle, tiny: SimpleNamespace) -> None:
    with pytest.raises(BackendError, match="another size"):
        Session(make_bundle(manifest=tiny.manifest(scale=3))).restore(noise(4, 4, 3))


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4, 5), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((4, 4, 3), np.int32),
        np.zeros((4, 4, 3), np.float64),
        np.full((4, 4, 3), 2, np.float32),
        np.full((4, 4, 3), np.nan, np.float32),
    ],
)
def test_unusable_arrays(make_bundle: MakeBundle, image: np.ndarray) -> None:
    with pytest.raises(DataError, match="cannot restore this array"):
        Session(make_bundle()).restore(image)


@pytest.mark.parametrize("options", [{"threads": -1}, {"memory": 0}, {"tile": 0}, {"engine": "x"}, {"backend": "x"}])
def test_unusable_options(make_bundle: MakeBundle, options: dict) -> None:
    path = make_bundle()
    with pytest.raises(UsageError):
        Session(path, **options)
    session = Session(path)
    before = session.options
    with pytest.raises(UsageError):
        session.configure(**options)
    assert session.options == before


def test_several_engines(tmp_path: Path, tiny: SimpleNamespace) -> None:
    manifest = tiny.manifest(halo=4)
    other = replace(manifest.engines[0], name="1-4", artefacts={"onnx": Artefact("engines/1-4.onnx")})
    manifest = replace(manifest, engines=(*manifest.engines, other))
    networks = {"engines/1-8.onnx": tiny.sr_network(layers=2), "engines/1-4.onnx": tiny.sr_network(layers=3)}
    session = Session(tiny.bundle(tmp_path / "net.slsb", manifest, networks))
    assert session.engine.name == "1-8"
    image = noise(9, 9, 3)
    first = session.restore(image)
    session.configure(engine="1-4")
    assert (session.restore(image) != first).any()
    session.configure(engine=None)
    assert np.array_equal(session.restore(image), first)


def test_engine_that_is_no_network(tmp_path: Path, tiny: SimpleNamespace) -> None:
    path = tiny.bundle(tmp_path / "net.slsb", tiny.manifest(), {"engines/1-8.onnx": b"rubbish"})
    with pytest.raises(BackendError, match="it is no ONNX file") as caught:
        Session(path)
    assert caught.value.exit_code == 4


def test_changed_engine_is_found_on_loading(make_bundle: MakeBundle) -> None:
    path = make_bundle()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(BundleError):
        Session(path)


def test_threads_may_share_a_session(make_bundle: MakeBundle) -> None:
    session = Session(make_bundle(), tile=TILE)
    images = [noise(20 + index, 30, 3) for index in range(4)]
    expected = [session.restore(image) for image in images]
    results: dict[int, np.ndarray] = {}

    def work(index: int) -> None:
        results[index] = session.restore(images[index])

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(results[index], expected[index]) for index in range(4))


@pytest.mark.parametrize("shape", [(3, 4, 4), (1, 1, 4, 4), (0, 3, 4, 4)])
def test_restore_tensor_refuses_other_shapes(make_bundle: MakeBundle, shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="takes Nx3xHxW"):
        Session(make_bundle()).restore_tensor(np.zeros(shape, np.float32))


def test_engines_of_a_session_share_its_backend(make_bundle: MakeBundle) -> None:
    session = Session(make_bundle(), threads=1)
    first = session._restorer.loaded
    session.configure(engine="1-8")
    assert session._restorer.loaded.backend is first.backend and session._restorer.loaded.runner is not first.runner
    session.configure(threads=2)
    assert session._restorer.loaded.backend is not first.backend

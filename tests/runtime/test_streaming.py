"""Photos that go through the native engine whole, row by row."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from slsc.errors import BackendError, ResourceError, VerificationError
from slsc.runtime import Session
from slsc.runtime.backends import AllocationFailed, library
from slsc.runtime.backends.native import NativeRunner
from slsc.runtime.bundle.engines import Artefact
from slsc.runtime.image.photo import Photo, load_photo, save_photo
from slsc.runtime.memory import MARGIN_BYTES, resident_bytes

onnx = pytest.importorskip("onnx")

pytestmark = pytest.mark.skipif(library.library_path() is None, reason="the native library was not built")


def noise(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(5).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


@pytest.fixture
def plan(tiny: SimpleNamespace) -> bytes:
    from slsc.passes.lowering import lower

    return lower(onnx.load_from_string(tiny.sr_network()), None)


@pytest.fixture
def bundle(tmp_path: Path, tiny: SimpleNamespace, plan: bytes) -> Callable[..., Path]:
    """`bundle(**changes)`: a bundle with a native engine, x2, and such a manifest."""

    def make(**changes: object) -> Path:
        manifest = tiny.manifest(**changes)
        engine = manifest.engines[0]
        artefacts = {**engine.artefacts, "native": Artefact("engines/1-8.nmp")}
        files = {"engines/1-8.onnx": tiny.sr_network(), "engines/1-8.nmp": plan}
        manifest = replace(manifest, engines=(replace(engine, artefacts=artefacts),))
        return tiny.bundle(tmp_path / "net.slsb", manifest, files)

    return make


@pytest.mark.parametrize("size", [(1, 1), (7, 90), (131, 40), (64, 64)])
@pytest.mark.parametrize("memory", [1 << 30, 1])
def test_rows_are_those_of_the_whole_image(plan: bytes, size: tuple[int, int], memory: int) -> None:
    image = np.random.default_rng(1).random((1, 3, *size), np.float32)
    whole = NativeRunner(plan, 1).run(image)[0]
    streamed = np.zeros_like(whole)
    entered, left = [], []

    def read(first: int, to: np.ndarray) -> None:
        entered.append((first, first + to.shape[1]))
        to[...] = image[0, :, first : first + to.shape[1]]

    def write(first: int, rows: np.ndarray) -> None:
        left.append((first, first + rows.shape[1]))
        streamed[:, first : first + rows.shape[1]] = rows

    NativeRunner(plan, 2).stream(*size, whole.shape, memory, read, write)
    assert np.array_equal(streamed, whole)
    for calls, end in ((entered, size[0]), (left, 2 * size[0])):
        assert [first for first, _ in calls] == [0, *(stop for _, stop in calls[:-1])]
        assert calls[-1][1] == end


def test_memory_does_not_grow_with_the_height(plan: bytes) -> None:
    runner = NativeRunner(plan, 1)
    (low, rows), (high, _) = (runner.stream_bytes(height, 300, 1) for height in (2000, 8000))
    assert low == high < runner.arena_bytes(2000, 300)
    assert rows < 100


def test_the_engine_runs_whole_images_after_a_bound(plan: bytes) -> None:
    runner = NativeRunner(plan, 1)
    before = runner.arena_bytes(100, 100)
    runner.stream_bytes(100, 100, 1)
    assert runner.arena_bytes(100, 100) == before


@pytest.mark.parametrize("side", ["read", "write"])
def test_what_a_function_raises_comes_out(plan: bytes, side: str) -> None:
    def fails(first: int, rows: np.ndarray) -> None:
        if first:
            raise ZeroDivisionError

    calls = {"read": lambda first, to: to.fill(0), "write": lambda first, rows: None, side: fails}
    runner = NativeRunner(plan, 1)
    runner.set_band(5)
    with pytest.raises(ZeroDivisionError):
        runner.stream(40, 30, (3, 80, 60), 1, calls["read"], calls["write"])
    assert runner.run(np.zeros((1, 3, 8, 8), np.float32)).shape == (1, 3, 16, 16)


def test_another_size_than_the_bundle_says_is_refused(bundle: Callable[..., Path]) -> None:
    with pytest.raises(BackendError, match="another size"):
        Session(bundle(scale=3)).restore(noise(9, 9, 3))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_photos_equal_one_tile(bundle: Callable[..., Path], channels: int, dtype: type) -> None:
    image = noise(45, 37, channels, dtype=dtype)
    session = Session(bundle(multiple_of=(4, 8)), threads=1)
    streamed = session.restore(image)
    assert session.streamed
    session.configure(tile=1000)
    whole = session.restore(image)
    assert not session.streamed
    assert np.array_equal(streamed, whole)


def test_where_memory_is_too_short_there_are_tiles(bundle: Callable[..., Path]) -> None:
    image = noise(120, 2000, 3)
    session = Session(bundle(), threads=1, exact=True)
    counts: list[int] = []
    whole = session.restore(image)
    session.configure(memory=session._restorer.loaded.resident + MARGIN_BYTES + image.nbytes + whole.nbytes + (4 << 20))
    tiled = session.restore(image, lambda done, total: counts.append(total))
    assert not session.streamed
    assert counts[-1] > 1
    assert np.array_equal(tiled, whole)


def test_files(bundle: Callable[..., Path], tmp_path: Path) -> None:
    image = noise(70, 50, 3)
    session, done = Session(bundle(), threads=1), []
    save_photo(Photo(image), tmp_path / "in.png")
    session.restore_file(tmp_path / "in.png", tmp_path / "out.png", lambda rows, of: done.append((rows, of)))
    assert np.array_equal(load_photo(tmp_path / "out.png").pixels, session.restore(image))
    assert done[-1] == (140, 140)


class Broken:
    """A runner whose output has a NaN, or whose memory runs out."""

    def __init__(self, runner: NativeRunner, failure: Exception | None) -> None:
        self.stream_bytes, self._stream, self._failure = runner.stream_bytes, runner.stream, failure

    def run(self, batch: np.ndarray) -> np.ndarray:
        raise AssertionError("not by tiles")

    def stream(self, *call: object) -> None:
        if self._failure:
            raise self._failure
        *sizes, read, write = call
        self._stream(*sizes, read, lambda first, rows: write(first, rows * np.nan))


@pytest.mark.parametrize(
    ("failure", "expected"), [(None, VerificationError), (AllocationFailed("none left"), ResourceError)]
)
def test_failures_end_the_run(
    bundle: Callable[..., Path], failure: Exception | None, expected: type[Exception]
) -> None:
    session = Session(bundle(), threads=1)
    session._restorer.loaded = replace(
        session._restorer.loaded, runner=Broken(session._restorer.loaded.runner, failure)
    )  # type: ignore[arg-type]
    threads = threading.active_count()
    with pytest.raises(expected):
        session.restore(noise(300, 40, 3))
    assert threading.active_count() <= threads


def test_the_default_stays_within_its_memory(bundle: Callable[..., Path]) -> None:
    session = Session(bundle(), threads=1, memory=resident_bytes() + (40 << 20))
    session.restore(noise(3000, 200, 3))
    assert session.streamed

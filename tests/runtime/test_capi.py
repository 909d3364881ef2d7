from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from slsc.errors import UsageError
from slsc.runtime import Session
from slsc.runtime.capi import F32, U8, U16, Library, Status

MakeBundle = Callable[..., Path]


@pytest.fixture()
def library() -> Library:
    return Library()


@pytest.fixture()
def handle(library: Library, make_bundle: MakeBundle) -> int:
    status, handle = library.open(str(make_bundle()))
    assert status == Status.OK
    return handle


@pytest.mark.parametrize(("sample_type", "dtype"), [(U8, np.uint8), (U16, np.uint16), (F32, np.float32)])
def test_runs_on_plain_buffers(
    library: Library, handle: int, make_bundle: MakeBundle, sample_type: int, dtype: type
) -> None:
    top = 1 if dtype is np.float32 else np.iinfo(dtype).max
    image = (np.random.default_rng(0).random((6, 9, 3)) * top).astype(dtype)
    restored = bytearray(12 * 18 * 3 * image.itemsize)
    assert library.run(handle, image.tobytes(), 6, 9, 3, sample_type, restored) == Status.OK
    expected = Session(make_bundle(name="b.slsb")).restore(image)
    assert bytes(restored) == expected.tobytes()


def test_runs_on_ctypes_arrays(library: Library, handle: int) -> None:
    restored = (ctypes.c_uint8 * 12)()
    assert library.run(handle, (ctypes.c_uint8 * 3)(9, 9, 9), 1, 1, 3, U8, restored) == Status.OK
    assert any(restored)


def test_a_failed_open_gives_a_handle_with_the_error(library: Library, tmp_path: Path) -> None:
    status, handle = library.open(str(tmp_path / "none.slsb"))
    assert status == Status.BAD_ARGUMENT
    assert "none.slsb" in library.error(handle)
    assert library.run(handle, b"", 1, 1, 1, U8, bytearray()) == Status.BAD_HANDLE
    assert library.close(handle) == Status.OK


def test_a_damaged_bundle(library: Library, make_bundle: MakeBundle) -> None:
    path = make_bundle()
    path.write_bytes(path.read_bytes()[:-1])
    assert library.open(str(path))[0] == Status.CHECK_FAILED


def test_closed_and_unknown_handles(library: Library, handle: int) -> None:
    assert library.close(handle) == Status.OK
    for bad in (handle, 0, -1, 999):
        assert library.close(bad) == Status.BAD_HANDLE
        assert library.set(bad, "tile", "8") == Status.BAD_HANDLE
        assert library.get(bad, "tile") == (Status.BAD_HANDLE, "")
        assert library.run(bad, b"", 1, 1, 1, U8, bytearray()) == Status.BAD_HANDLE
        assert library.error(bad) == ""


@pytest.mark.parametrize("unknown", [[], {}, None, "1", 1.0, np.zeros(2)])
def test_what_is_no_handle(library: Library, handle: int, unknown: object) -> None:
    assert library.set(unknown, "tile", "8") == library.get(unknown, "tile")[0] == Status.BAD_HANDLE
    assert library.run(unknown, b"", 1, 1, 1, U8, b"") == library.close(unknown) == Status.BAD_HANDLE
    assert library.error(unknown) == ""
    assert library.close(handle) == Status.OK


def test_handles_are_not_used_twice(library: Library, make_bundle: MakeBundle) -> None:
    path = str(make_bundle())
    first = library.open(path)[1]
    library.close(first)
    assert library.open(path)[1] != first


@pytest.mark.parametrize(
    ("option", "text", "read"),
    [
        ("memory", "512MiB", str(512 << 20)), ("memory", "", ""), ("tile", "32", "32"), ("tile", "", ""),
        ("threads", "1", "1"), ("exact", "1", "1"), ("exact", "0", "0"), ("engine", "1-8", "1-8"),
        ("backend", "onnxruntime", "onnxruntime"),
    ],
)  # fmt: skip
def test_options(library: Library, handle: int, option: str, text: str, read: str) -> None:
    assert library.set(handle, option, text) == Status.OK
    assert library.get(handle, option) == (Status.OK, read)


def test_what_can_only_be_read(library: Library, handle: int) -> None:
    assert library.get(handle, "scale") == (Status.OK, "2")
    assert library.get(handle, "channels") == (Status.OK, "3")
    assert library.get(handle, "engines") == (Status.OK, "1-8")
    assert library.set(handle, "scale", "3") == Status.BAD_ARGUMENT


@pytest.mark.parametrize(
    ("option", "text"),
    [("memory", "lots"), ("memory", "0"), ("tile", "x"), ("tile", "0"), ("threads", "-1"), ("exact", "yes"),
     ("engine", "none"), ("backend", "none"), ("colour", "red")],
)  # fmt: skip
def test_bad_options_change_nothing(library: Library, handle: int, option: str, text: str) -> None:
    before = library.get(handle, option)
    assert library.set(handle, option, text) == Status.BAD_ARGUMENT
    assert library.error(handle)
    assert library.get(handle, option) == before


@pytest.mark.parametrize(
    "arguments",
    [
        (b"\0" * 11, 2, 2, 3, U8, bytearray(48)), (b"\0" * 12, 2, 2, 3, U8, bytearray(47)),
        (b"\0" * 12, 2, 2, 3, 7, bytearray(48)), (b"\0" * 12, 0, 2, 3, U8, bytearray(48)),
        (b"\0" * 20, 2, 2, 5, U8, bytearray(80)), (b"\0" * 12, 2, 2, 3, U8, bytes(48)),
        (b"\0" * 13, 2, 2, 3, F32, bytearray(48)), ("text", 2, 2, 3, U8, bytearray(48)),
    ],
)  # fmt: skip
def test_bad_buffers(library: Library, handle: int, arguments: tuple) -> None:
    assert library.run(handle, *arguments) == Status.BAD_ARGUMENT
    assert library.error(handle)


def test_too_little_memory(library: Library, handle: int) -> None:
    library.set(handle, "memory", "1MiB")
    assert library.run(handle, b"\0" * 12, 2, 2, 3, U8, bytearray(48)) == Status.OUT_OF_RESOURCES
    assert "--memory" in library.error(handle)


def test_libraries_know_nothing_of_each_other(library: Library, handle: int) -> None:
    assert Library().get(handle, "scale")[0] == Status.BAD_HANDLE


def test_threads(library: Library, make_bundle: MakeBundle) -> None:
    path = str(make_bundle())
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    outputs: list[bytes] = []

    def work() -> None:
        _, handle = library.open(path)
        restored = bytearray(16 * 16 * 3)
        library.run(handle, image, 8, 8, 3, U8, restored)
        outputs.append(bytes(restored) + bytes([library.close(handle)]))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outputs) == 6
    assert len(set(outputs)) == 1


def test_closing_a_handle_gives_back_what_its_session_holds(library: Library, handle: int) -> None:
    _, session = library._session(handle)
    assert library.close(handle) == Status.OK
    with pytest.raises(UsageError, match="session is closed"):
        session.restore(np.zeros((4, 4, 3), np.uint8))

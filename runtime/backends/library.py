"""The native engine's shared library: where it is, and its C interface (`slsc/native.h`) as ctypes sees it."""

from __future__ import annotations

import ctypes
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_double, c_float, c_int, c_size_t, c_uint8, c_uint64, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

import slsc.runtime
from slsc.errors import BackendError

LIBRARIES = ("libslsc_native.so", "libslsc_native.dylib", "slsc_native.dll")
"""Names of the library by platform; it lies in the package's folder `runtime/native`."""

REINSTALL = "install slsc again with a C++17 compiler and CMake at hand, or use --backend onnxruntime"

READ_ROWS = WRITE_ROWS = CFUNCTYPE(c_int, c_void_p, c_int, c_int, POINTER(c_float))
"""`slsc_read_rows` and `slsc_write_rows`: user, first row, rows, their floats."""

SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "slsc_version": (c_char_p, []),
    "slsc_has": (c_int, [c_char_p]),
    "slsc_context_create": (c_int, [c_int, POINTER(c_void_p)]),
    "slsc_context_free": (None, [c_void_p]),
    "slsc_open": (c_int, [c_void_p, c_char_p, c_size_t, c_char_p, POINTER(c_void_p)]),
    "slsc_set_capacity": (c_int, [c_void_p, c_int]),
    "slsc_candidates": (c_int, [c_void_p]),
    "slsc_set_candidate": (c_int, [c_void_p, c_int]),
    "slsc_candidate_macs": (c_uint64, [c_void_p, c_int]),
    "slsc_everywhere_macs": (c_uint64, [c_void_p]),
    "slsc_set_region": (c_int, [c_void_p, c_int, c_int]),
    "slsc_regions": (c_int, [c_void_p, c_int, c_int, POINTER(c_int), POINTER(c_int)]),
    "slsc_set_precision": (c_int, [c_void_p, c_int]),
    "slsc_integers": (c_int, [c_void_p]),
    "slsc_halves": (c_int, [c_void_p]),
    "slsc_set_band": (c_int, [c_void_p, c_int]),
    "slsc_set_memory": (c_int, [c_void_p, c_uint64]),
    "slsc_shape": (c_int, [c_void_p, c_int, c_int, *[POINTER(c_int)] * 4]),
    "slsc_run": (c_int, [c_void_p, POINTER(c_float), c_int, c_int, POINTER(c_float)]),
    "slsc_run_map": (
        c_int,
        [c_void_p, POINTER(c_float), c_int, c_int, POINTER(c_uint8), c_int, c_int, POINTER(c_float)],
    ),
    "slsc_run_rows_map": (
        c_int,
        [c_void_p, c_int, c_int, POINTER(c_uint8), c_int, c_int, READ_ROWS, WRITE_ROWS, c_void_p],
    ),
    "slsc_run_rows": (c_int, [c_void_p, c_int, c_int, READ_ROWS, WRITE_ROWS, c_void_p]),
    "slsc_op_count": (c_int, [c_void_p]),
    "slsc_op_seconds": (c_int, [c_void_p, POINTER(c_double)]),
    "slsc_op_macs": (c_uint64, [c_void_p, c_int]),
    "slsc_arena_bytes": (c_uint64, [c_void_p]),
    "slsc_rows_bytes": (c_uint64, [c_void_p]),
    "slsc_band": (c_int, [c_void_p]),
    "slsc_isa": (c_char_p, [c_void_p]),
    "slsc_last_error": (c_char_p, [c_void_p]),
    "slsc_close": (None, [c_void_p]),
}


def library_path() -> Path | None:
    """Where the library was installed; None if it was not built."""
    folders = [Path(folder) / "native" for folder in slsc.runtime.__path__]
    return next((folder / name for folder in folders for name in LIBRARIES if (folder / name).is_file()), None)


@cache
def load_library() -> ctypes.CDLL:
    """The library, with the types of its functions declared.

    Raises:
        BackendError: it was not built, or does not fit this system.
    """
    path = library_path()
    if path is None:
        raise BackendError("the native engine is not installed", why="its library was not built", hint=REINSTALL)
    try:
        library = ctypes.CDLL(str(path))
        for name, (result, arguments) in SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise BackendError("the native engine cannot be loaded", why=str(error), hint=REINSTALL) from error
    return library


def has(feature: str) -> bool:
    """Whether the native engine has a feature on this processor, such as "int8": see `slsc_has` in `slsc/native.h`.

    It has none where its library cannot be loaded.
    """
    try:
        return bool(load_library().slsc_has(feature.encode()))
    except BackendError:
        return False

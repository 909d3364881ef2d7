"""The GPU that TensorRT would run on, asked of NVIDIA's driver."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass

CAPABILITY_MAJOR, CAPABILITY_MINOR = 75, 76
"""Of the driver API's `CUdevice_attribute`."""

NAME_BYTES = 256


@dataclass(frozen=True)
class Device:
    """A GPU: its name, such as "Orin", and its architecture, such as "sm87"."""

    name: str
    arch: str


def find_device() -> Device | str:
    """The first GPU; where there is none, why."""
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return f"NVIDIA's driver ({library}) is not installed"
    if code := driver.cuInit(0):
        return f"NVIDIA's driver does not start (CUDA error {code})"
    device, name = ctypes.c_int(), ctypes.create_string_buffer(NAME_BYTES)
    major, minor = ctypes.c_int(), ctypes.c_int()
    failed = (
        driver.cuDeviceGet(ctypes.byref(device), 0)
        or driver.cuDeviceGetName(name, NAME_BYTES, device)
        or driver.cuDeviceGetAttribute(ctypes.byref(major), CAPABILITY_MAJOR, device)
        or driver.cuDeviceGetAttribute(ctypes.byref(minor), CAPABILITY_MINOR, device)
    )
    if failed:
        return f"NVIDIA's driver finds no GPU (CUDA error {failed})"
    return Device(name.value.decode(errors="replace"), f"sm{major.value}{minor.value}")

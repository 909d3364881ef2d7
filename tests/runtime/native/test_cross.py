"""The NEON kernels, cross-compiled for aarch64 and run under emulation."""

from __future__ import annotations

import shutil
import subprocess

import pytest

TOOLS = ("aarch64-linux-gnu-g++", "qemu-aarch64")


@pytest.mark.parametrize(("processor", "dot_products"), [("max", True), ("cortex-a53", False)])
def test_neon_agrees_with_the_interpreter(build_native, native_sources, cases, processor, dot_products):
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"no {', '.join(missing)}")
    toolchain = native_sources / "cmake" / "aarch64-linux-gnu.cmake"
    tests = build_native("aarch64", f"-DCMAKE_TOOLCHAIN_FILE={toolchain}")
    command = ["qemu-aarch64", "-cpu", processor, "-L", "/usr/aarch64-linux-gnu", tests / "selftest", "oracle", cases]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "neon: " in done.stdout
    assert ("integers fast" in done.stdout) == dot_products

"""The NEON kernels, cross-compiled for aarch64 and run under emulation of processors that differ in what they have."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

TOOLS = ("aarch64-linux-gnu-g++", "qemu-aarch64")
DOT_PRODUCTS, NONE = "max", "cortex-a53"
"""Emulated processors with dot products of bytes, and without."""


@pytest.fixture(scope="module")
def selftest(build_native: Callable[..., Path], native_sources: Path) -> Callable[..., str]:
    """selftest(processor, *arguments): what the cross-compiled program of that name prints."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"no {', '.join(missing)}")
    toolchain = native_sources / "cmake" / "aarch64-linux-gnu.cmake"
    tests = build_native("aarch64", f"-DCMAKE_TOOLCHAIN_FILE={toolchain}")

    def run(processor: str, *arguments: str | Path) -> str:
        emulated = ["qemu-aarch64", "-cpu", processor, "-L", "/usr/aarch64-linux-gnu"]
        done = subprocess.run([*emulated, tests / "selftest", *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_neon_agrees_with_the_interpreter(selftest, cases):
    made = selftest(DOT_PRODUCTS, "oracle", cases)
    assert "neon, fast in int8: " in made
    print(made)


def test_neon_without_dot_products_agrees_too(selftest, cases, tmp_path):
    for case in cases.glob("int_*"):
        shutil.copy(case, tmp_path)
    made = selftest(NONE, "oracle", tmp_path)
    assert "neon: " in made
    print(made)


@pytest.mark.parametrize("processor", [DOT_PRODUCTS, NONE])
def test_folded_pairs_of_bytes_agree(selftest, plans, write_case, tmp_path, processor):
    for outputs, channels, sides in [(1, 5, (3, 3)), (4, 17, (5, 3))]:
        rng = np.random.default_rng(channels)
        plan = plans.dequantized_pair(rng, sides=sides, outputs=outputs, channels=channels)
        write_case(tmp_path / f"pair{channels}", plan, rng.standard_normal((channels, 13, 30)).astype(np.float32))
    assert "neon" in selftest(processor, "oracle", tmp_path)

"""One library for every processor: which instruction set runs, and that none leaks out of its own kernels."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from slsc.errors import BackendError
from slsc.runtime.backends.library import library_path
from slsc.runtime.backends.native import NativeRunner


def _symbols(*arguments: object) -> list[tuple[str, str]]:
    if shutil.which("nm") is None:
        pytest.skip("no nm")
    done = subprocess.run(["nm", *map(str, arguments)], capture_output=True, text=True, check=True)
    fields = [line.split() for line in done.stdout.splitlines()]
    return [(each[-2], each[-1]) for each in fields if len(each) >= 2]


def test_best_instruction_set_is_the_default(plans, isas):
    assert NativeRunner(plans.identity().to_bytes(), 1).isa == isas[0]


@pytest.mark.parametrize("isa", ["sse9", "AVX2"])
def test_unknown_instruction_set_is_refused(plans, isas, isa):
    with pytest.raises(BackendError, match=isa):
        NativeRunner(plans.identity().to_bytes(), 1, isa)


def test_library_exports_the_header_and_nothing_else(native_sources, isas):
    header = (native_sources / "include" / "slsc" / "native.h").read_text()
    declared = set(re.findall(r"\b(slsc_\w+)\(", header))
    exported = {name for _, name in _symbols("-D", "--defined-only", library_path())}
    assert exported == declared


def test_kernels_share_no_code_with_the_rest(native_tests):
    """A function of a shared header, compiled for AVX-512 too, might be the copy the linker keeps for everyone."""
    objects = {
        path.name.split(".")[0]: path for path in native_tests.parent.glob("CMakeFiles/slsc_engine.dir/src/isa/*.o")
    }
    for isa in ("avx512", "avx2", "neon", "portable"):
        path = objects[isa]
        names = [name for kind, name in _symbols("--defined-only", path) if kind in "TWVu"]
        names = [name for name in names if not name.startswith("DW.ref.")]  # where exceptions find their handler
        own = (f"kernels_{isa}", f"isa_{isa}")
        assert all(any(part in name for part in own) for name in names), (path.name, names)

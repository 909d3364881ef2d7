"""The engine under sanitizers: correct plans, plans with every field corrupted, threads at work."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

OPTIONS = {
    "ASAN_OPTIONS": "allocator_may_return_null=1:max_allocation_size_mb=256:detect_leaks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


def _works(sanitizers: str, folder: Path) -> bool:
    """Whether this machine compiles and runs a program with them."""
    if shutil.which("g++") is None:
        return False
    source, program = folder / "probe.cpp", folder / "probe"
    source.write_text("int main() {}")
    built = subprocess.run(["g++", f"-fsanitize={sanitizers}", source, "-o", program], capture_output=True)
    return built.returncode == 0 and subprocess.run([program], capture_output=True).returncode == 0


@pytest.fixture
def few_cases(cases: Path, tmp_path: Path) -> Path:
    """One plan of every kind: under sanitizers everything takes twenty times as long."""
    folder = tmp_path / "cases"
    folder.mkdir()
    for path in cases.glob("*0.*"):
        shutil.copy(path, folder)
    return folder


@pytest.mark.parametrize(
    ("sanitizers", "mode"), [("address,undefined", "oracle"), ("address,undefined", "hostile"), ("thread", "races")]
)
def test_no_fault(build_native, few_cases, tmp_path, sanitizers, mode):
    if not _works(sanitizers, tmp_path):
        pytest.skip(f"no g++ with -fsanitize={sanitizers} here")
    selftest = build_native(sanitizers.replace(",", "-"), f"-DSLSC_NATIVE_SANITIZE={sanitizers}") / "selftest"
    done = subprocess.run([selftest, mode, few_cases], capture_output=True, text=True, env=os.environ | OPTIONS)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    print(done.stdout)


@pytest.mark.parametrize("channels", [1, 3])
def test_no_fault_with_bundles(build_native, bundles, tiny, tmp_path, channels):
    onnx = pytest.importorskip("onnx")
    from slsc.passes.lowering import lower

    sanitizers = "address,undefined"
    if not _works(sanitizers, tmp_path):
        pytest.skip(f"no g++ with -fsanitize={sanitizers} here")
    program = build_native("address-undefined", f"-DSLSC_NATIVE_SANITIZE={sanitizers}") / "bundletest"
    plan = lower(onnx.load_from_string(tiny.sr_network(width=4, layers=1, channels=channels)), None)
    about = bundles.manifest(io={"channels": channels, "multiple_of": [2, 3]}, tile={"align": 2})
    command = [program, "hostile", bundles.write(tmp_path / "net.slsb", plan, about), tmp_path / "changed.slsb"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | OPTIONS)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    print(done.stdout)

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
def test_no_fault(build_native, sanitizers_work, few_cases, sanitizers, mode):
    if not sanitizers_work(sanitizers):
        pytest.skip(f"no g++ with -fsanitize={sanitizers} here")
    name, options = sanitizers.replace(",", "-"), [f"-DSLSC_NATIVE_SANITIZE={sanitizers}"]
    if mode == "races":  # threads share work alike in all instruction sets
        options.append("-DSLSC_NATIVE_FEW_KERNELS=ON")
    selftest = build_native(name, *options, target="selftest") / "selftest"
    done = subprocess.run([selftest, mode, few_cases], capture_output=True, text=True, env=os.environ | OPTIONS)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    print(done.stdout)


@pytest.mark.parametrize("channels", [1, 3])
def test_no_fault_with_bundles(native_tests, sanitizers_work, bundles, tiny, tmp_path, channels):
    onnx = pytest.importorskip("onnx")
    from slsc.passes.lowering import lower

    if not sanitizers_work("address,undefined"):
        pytest.skip("no g++ with -fsanitize=address,undefined here")
    program = native_tests / "bundletest"
    plan = lower(onnx.load_from_string(tiny.sr_network(width=4, layers=1, channels=channels)), None)
    about = bundles.manifest(io={"channels": channels, "multiple_of": [2, 3]}, tile={"align": 2})
    command = [program, "hostile", bundles.write(tmp_path / "net.slsb", plan, about), tmp_path / "changed.slsb"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | OPTIONS)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    print(done.stdout)

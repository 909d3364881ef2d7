"""The engine under AddressSanitizer and UBSan: correct plans, and plans with every field corrupted."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

SANITIZERS = "address,undefined"


@pytest.fixture(scope="session")
def selftest(build_native, tmp_path_factory):
    probe = tmp_path_factory.mktemp("probe")
    source = probe / "probe.cpp"
    source.write_text("int main() {}")
    compiler = shutil.which("g++")
    command = [compiler or "g++", f"-fsanitize={SANITIZERS}", source, "-o", probe / "probe"]
    if compiler is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no g++ with sanitizers")
    return build_native("sanitized", f"-DSLSC_NATIVE_SANITIZE={SANITIZERS}") / "selftest"


@pytest.mark.parametrize("mode", ["oracle", "hostile"])
def test_nothing_is_touched_that_is_not_the_engines(selftest, cases, mode):
    options = "allocator_may_return_null=1:max_allocation_size_mb=256:detect_leaks=1"
    environment = os.environ | {"ASAN_OPTIONS": options, "UBSAN_OPTIONS": "print_stacktrace=1"}
    done = subprocess.run([selftest, mode, cases], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    print(done.stdout)

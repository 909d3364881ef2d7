"""The engine's unit tests of the schedule, the arena and values in place (runtime/native/tests/units)."""

from __future__ import annotations

import subprocess


def test_units(native_tests):
    done = subprocess.run([native_tests / "units"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("passed\n")

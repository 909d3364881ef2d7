"""The engine's unit tests of the schedule, the arena and values in place (runtime/native/tests/units)."""

from __future__ import annotations

import subprocess


def test_units(build_native):
    done = subprocess.run([build_native("plain") / "units"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("passed\n")

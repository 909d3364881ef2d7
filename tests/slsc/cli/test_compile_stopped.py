"""`slsc compile` stopped in the middle or on a full disk: no half bundle, and no temporary file, stays behind."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest


def start(model: Path, **settings: object) -> subprocess.Popen[str]:
    words = ["compile", str(model), "--budget", "1/4", "--effort", "fast", "-v", "-o", str(model.with_suffix(".slsb"))]
    return subprocess.Popen(
        [sys.executable, "-m", "slsc", *words], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **settings
    )


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 143)])
def test_nothing_is_left_when_it_is_stopped_in_the_middle(model_path, sent, code):
    before = sorted(model_path.parent.iterdir())
    process = start(model_path)
    assert any("finetuning" in line for line in process.stderr)
    os.kill(process.pid, sent)
    assert process.communicate(timeout=60)[0] == ""
    assert process.returncode == code
    assert sorted(model_path.parent.iterdir()) == before


def test_a_full_disk_leaves_the_old_bundle(model_path):
    old = model_path.with_suffix(".slsb")
    old.write_text("the old one")
    before = sorted(model_path.parent.iterdir())
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))  # noqa: E731
    words = ["compile", str(model_path), "--budget", "1/4", "--effort", "none", "-o", str(old)]
    done = subprocess.run(
        [sys.executable, "-m", "slsc", *words], capture_output=True, text=True, timeout=120, preexec_fn=limit
    )
    assert done.returncode == 3, done.stderr
    assert "no space left" in done.stderr and str(old) in done.stderr
    assert sorted(model_path.parent.iterdir()) == before
    assert old.read_text() == "the old one"

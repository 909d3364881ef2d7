"""The coverage-guided fuzzers start, run and end without a finding; long runs are described in the documentation."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
RUNS = {"image": 200}


@pytest.mark.parametrize("kind", RUNS)
def test_with_atheris(kind, tmp_path):
    pytest.importorskip("atheris", reason="no Atheris (pip install atheris)")
    corpus = tmp_path / "corpus"
    shutil.copytree(HERE / "corpus" / kind, corpus)
    command = [sys.executable, "-m", "fuzzing.guided", kind, f"-runs={RUNS[kind]}", "-seed=1", "-max_len=16384", corpus]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(HERE)}, capture_output=True, text=True
    )
    assert done.returncode == 0 and f"Done {RUNS[kind]} runs" in done.stderr, done.stderr[-3000:]

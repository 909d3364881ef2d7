from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from slsc.errors import BackendError
from slsc.tools.fma_peak import build_peak, measure_peak


@pytest.mark.skipif(not shutil.which(os.environ.get("CXX", "c++")), reason="no C++ compiler")
def test_peak_is_a_rate_that_cores_have(tmp_path: Path) -> None:
    assert 0.1 < measure_peak(build_peak(tmp_path), 0.05) < 10_000


def test_no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", str(tmp_path / "none"))
    with pytest.raises(BackendError, match="install a C"):
        build_peak(tmp_path)

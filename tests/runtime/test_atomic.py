from __future__ import annotations

from pathlib import Path

import pytest

from slsc.errors import DataError
from slsc.runtime.atomic import replacing


def test_replaces_only_when_all_went_well(tmp_path: Path) -> None:
    path = tmp_path / "out.bin"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert [p.name for p in tmp_path.iterdir()] == ["out.bin"]
    assert path.read_bytes() == b"old"
    with replacing(path) as file:
        file.write(b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["out.bin"]
    assert path.read_bytes() == b"new"


def test_refuses_folders(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none" / "out.bin"):
        with pytest.raises(DataError, match="cannot write"), replacing(path):
            pass

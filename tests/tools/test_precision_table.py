"""The table of what types cost."""

from __future__ import annotations

from pathlib import Path

from slsc.tools.precision_table import HEADER, read, write


def test_rows_are_read_back_and_shown(tmp_path: Path) -> None:
    rows = [
        ("rfdn_x4 1/8", "int8", "27.770", "27.780", "0.010", "92.0%", "0.0%"),
        ("rfdn_x4 1/8", "naive int8", "27.7", "27.780", "0.080", "", ""),
    ]
    assert read(tmp_path) == []
    write(tmp_path, rows)
    assert read(tmp_path) == rows
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert lines[0] == "| " + " | ".join(HEADER) + " |"
    assert lines[2].startswith("| rfdn_x4 1/8 | int8 | 27.770 |") and len(lines) == 4

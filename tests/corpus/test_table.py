"""The command that writes the table of exports."""

from __future__ import annotations

from pathlib import Path

import onnx

from corpus.exports import EXPORTS
from corpus.table import HEADER, main, row
from corpus.trial import Verdict


def test_known_and_unknown_files_are_rows(photos: Path, tmp_path: Path) -> None:
    onnx.save(EXPORTS["dncnn_noise"].model(), tmp_path / "unknown.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"no network")
    output = tmp_path / "table.md"
    others = [str(tmp_path / name) for name in ("unknown.onnx", "broken.onnx")]
    assert main([*others, "--only", "mobile", "--data", str(photos), "-o", str(output)]) == 0
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in output.read_text().splitlines()]
    mobile, unknown, broken = (dict(zip(HEADER, line, strict=True)) for line in cells[2:])
    assert (mobile["file"], mobile["off"], mobile["native"]) == ("mobile", "0", "yes")
    assert float(mobile["run"]) > float(mobile["before"]) + 5
    assert unknown["right"] == "" and float(unknown["run"]) > float(unknown["before"]) + 5
    assert broken["values"].startswith("refused: ")


def test_a_refusal_fills_no_figures_in() -> None:
    line = row("name", "kind", "noise", Verdict(refusal="no |\nway"))
    assert line[3] == "refused: no / way"
    assert set(line[4:]) == {""} and len(line) == len(HEADER)

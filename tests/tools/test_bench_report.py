from __future__ import annotations

import csv
import itertools
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from slsc.tools.bench_report import DENSE, GOALS, Row, markdown, table, write_csv

PEAK = 100.0
EIGHTH = Fraction(1, 8)

ROWS = [
    Row("rfdn_x4", DENSE, "onnxruntime", 1, "1.0", 20.0, (0.9, 1.1, 1.0), float("inf"), 300.0),
    Row("rfdn_x4", DENSE, "ncnn", 1, "2.0", 20.0, (0.6, 0.8, 0.7), 120.0, 500.0),
    Row("rfdn_x4", DENSE, "mnn", 1, gmacs=20.0, failure="not installed | really"),
    Row("rfdn_x4", EIGHTH, "mnn-sparse", 1, "3.0", 2.5, (0.5, 0.4, 0.6), 140.0, 200.0),
    Row("rfdn_x4", EIGHTH, "native", 1, "0.1", 2.5, (0.2, 0.1, 0.3), 140.0, 150.0),
]


def cells(text: str, *starts: str) -> list[str]:
    """The cells of the one line of a Markdown table that begins with these."""
    lines = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if "|" in line]
    (found,) = (line for line in lines if line[: len(starts)] == list(starts))
    return found


def test_ratios_are_of_medians_and_of_the_fastest_dense_peer() -> None:
    line = cells(markdown(ROWS, PEAK), "rfdn_x4", "1/8", "1")
    assert line[3:] == ["200", "25%", "5.00 (≥ 4.5)", "3.50 (≥ 2.8)", "ncnn", "**2.50 (≥ 3)**", "150 / 300"]


def test_what_was_missed_is_bold_and_what_has_no_goal_is_bare() -> None:
    slow = [replace(row, seconds=(1.0,)) if row.contender == "native" else row for row in ROWS]
    assert cells(markdown(slow, PEAK), "rfdn_x4", "1/8", "1")[5:7] == ["**1.00 (≥ 4.5)**", "**0.70 (≥ 2.8)**"]
    free = [replace(row, network="imdn_x4") for row in ROWS]
    assert cells(markdown(free, PEAK), "imdn_x4", "1/8", "1")[5] == "5.00"


def test_numbers_of_threads_are_not_mixed() -> None:
    two = [replace(row, threads=2, seconds=(0.05,)) for row in ROWS if row.contender == "native"]
    line = cells(markdown([*ROWS, *two], PEAK), "rfdn_x4", "1/8", "2")
    assert line[3:6] == ["50.0", "50%", "–"]


def test_every_contender_is_in_its_networks_table_also_an_absent_one() -> None:
    text = markdown(ROWS, PEAK)
    assert cells(text, "1", "1", "ncnn")[3:] == ["700", "600–800", "57", "57%", "120", "500"]
    assert "not installed \\| really" in text
    assert cells(text, "1", "1", "onnxruntime")[7] == "inf"


def test_goals_grow_with_sparsity() -> None:
    for by_budget in GOALS.values():
        ordered = [by_budget[budget] for budget in sorted(by_budget, reverse=True)]
        assert all(earlier <= later for earlier, later in itertools.pairwise(ordered))


def test_csv_holds_every_time(tmp_path: Path) -> None:
    write_csv(tmp_path / "all.csv", ROWS, "180x320")
    with (tmp_path / "all.csv").open(newline="") as stream:
        read = list(csv.DictReader(stream))
    assert len(read) == len(ROWS)
    assert read[0]["median_ms"] == "1000.000"
    assert (read[0]["min_ms"], read[0]["max_ms"], read[0]["runs"]) == ("900.000", "1100.000", "3")
    assert [float(word) for word in read[4]["times_ms"].split()] == pytest.approx([100, 200, 300])
    assert (read[2]["failure"], read[2]["median_ms"], read[2]["runs"]) == ("not installed | really", "", "0")
    assert (read[4]["budget"], read[4]["size"]) == ("1/8", "180x320")


def test_table_escapes_bars() -> None:
    assert table(("a", "b"), [(1, "x|y")]) == "| a | b |\n| --- | --- |\n| 1 | x\\|y |"

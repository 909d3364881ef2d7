from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from slsc.errors import DataError, VerificationError
from slsc.tools.experiment import Experiment, Row
from slsc.tools.search_table import experiments, main, split_options
from slsc.tools.table_file import as_markdown, read_rows, write_rows
from slsc.tools.verbs import run_verb

NETWORK = Path(__file__).parents[2] / "slsc" / "zoo" / "pretrained" / "compact_x4.onnx"


def rows() -> list[Row]:
    dense = Experiment("rfdn64_x4", "dense", "", "1", "")
    sls = Experiment("rfdn64_x4", "sls", "oneshot", "1/8", "20 steps", "", ("--batch", "4", "--val", "a b"))
    return [
        Row(dense, 1.0, 39.549, 826_800, (28.5, 27.6), None, None),
        Row(sls, 0.12499, 5.156, 139_600, (28.4, 27.5), 41.4, 905.2),
    ]


def test_rows_come_back_from_their_file(tmp_path: Path) -> None:
    write_rows(tmp_path / "table.csv", rows(), ["Set14", "my, set"])
    assert read_rows(tmp_path / "table.csv", ["Set14", "my, set"]) == rows()
    with pytest.raises(DataError, match="other columns"):
        read_rows(tmp_path / "table.csv", ["Set14"])
    assert read_rows(tmp_path / "missing.csv", ["Set14"]) == []


def test_the_paper_stands_beside_its_networks() -> None:
    lines = as_markdown(rows(), ["Set14", "mine"]).splitlines()
    assert "| Set14 dB | mine dB | paper Set14 dB | s | peak MiB |" in lines[0]
    assert lines[2].endswith("| 28.50 | 27.60 | 28.52 |  |  |")
    assert lines[3].endswith("| 0.1250 | 5.16 | 139,600 | 28.40 | 27.50 | 28.41 | 41 | 905 |")


def test_only_what_means_something_becomes_a_row() -> None:
    methods = ("dense", "uniform", "oneshot", "sls")
    planned = experiments("net", methods, ("dense", "oneshot"), ("1/4", "1/8"), ("none", "9 steps"))
    told = {(row.method, row.start, row.budget, row.work) for row in planned}
    assert len(told) == len(planned)
    assert ("dense", "", "1", "9 steps") in told and ("dense", "", "1", "none") not in told
    assert ("sls", "dense", "1/8", "9 steps") in told and not any(row[0] == "sls" and row[3] == "none" for row in told)
    assert {row[1] for row in told if row[0] == "oneshot"} == {""}


def test_options_come_after_two_dashes() -> None:
    assert split_options(["a", "--hr", "b", "--", "--batch", "4"]) == (["a", "--hr", "b"], ("--batch", "4"))
    assert split_options(["a"]) == (["a"], ())


def test_a_failing_verb_tells_its_reason(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="no such file"):
        run_verb(["compile", str(tmp_path / "missing.onnx"), "--budget", "1/8"])


def test_a_table_is_made_once_and_failures_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photos").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photos" / "a.png")
    photos, out = str(tmp_path / "photos"), tmp_path / "out"
    words = [str(NETWORK), "--data", photos, "--hr", photos, "--method", "uniform", "--steps", "2", "-o", str(out)]
    options = ["--", "--batch", "2", "--threads", "1", "--range", "0:1", "--order", "RGB"]
    assert main([*words, "--budget", "1/900", "--budget", "1/4", *options]) == 1
    told = capsys.readouterr().err
    assert "1/900" in told and "cannot be reached" in told
    dense, sparse = read_rows(out / "table.csv", ["photos"])
    assert dense.share == 1 and sparse.share == pytest.approx(0.25, abs=0.01) and sparse.params < dense.params
    assert sparse.psnr != dense.psnr
    before = (out / "table.csv").read_bytes()
    assert main([*words, "--budget", "1/4", *options]) == 0
    assert (out / "table.csv").read_bytes() == before and "compact_x4" not in capsys.readouterr().err

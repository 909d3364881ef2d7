from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from PIL import Image

from slsc.plan import LayerPlan, Plan
from slsc.tools import plot_layers, plot_quality
from slsc.tools.experiment import Experiment, Row
from slsc.tools.table_file import write_rows

NETWORK = Path(__file__).parents[2] / "slsc" / "zoo" / "pretrained" / "compact_x4.onnx"


def _row(method: str, budget: str, gmacs: float, psnr: float) -> Row:
    work = "" if method == "dense" else "9 steps"
    return Row(Experiment("net", method, "", budget, work), 0.1, gmacs, 5, (20.0, psnr), None, None)


def test_curves_are_per_method_and_ascending(tmp_path: Path) -> None:
    rows = [_row("dense", "1", 20, 28.6), _row("sls", "1/4", 5, 28.3), _row("sls", "1/8", 2.5, 28.0)]
    write_rows(tmp_path / "t.csv", rows, ["Set5", "Set14"])
    found = plot_quality.curves([tmp_path / "t.csv"], "net", "Set14")
    assert found == {"dense": [(20, 28.6)], "sls, 9 steps": [(2.5, 28.0), (5, 28.3)]}


def test_quality_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    write_rows(tmp_path / "t.csv", [_row("dense", "1", 20, 28.6), _row("sls", "1/4", 5, 28.3)], ["Set5", "Set14"])
    words = [str(tmp_path / "t.csv"), "--set", "Set14", "-o", str(tmp_path / "q.png")]
    assert plot_quality.main([*words, "--network", "net"]) == 0
    with Image.open(tmp_path / "q.png") as image:
        assert min(image.size) > 300


@pytest.mark.parametrize(
    ("network", "reference", "told"), [("other", "Set14", "no row of other"), ("net", "B100", "no column for B100")]
)
def test_what_is_not_in_the_table_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], network: str, reference: str, told: str
) -> None:
    write_rows(tmp_path / "t.csv", [_row("dense", "1", 20, 28.6)], ["Set5", "Set14"])
    words = [str(tmp_path / "t.csv"), "--network", network, "--set", reference, "-o", str(tmp_path / "q.png")]
    assert plot_quality.main(words) == 2
    assert told in capsys.readouterr().err


def test_layers_are_drawn_and_listed_cheapest_first(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert plot_layers.main([str(NETWORK), "--m", "8", "-o", str(tmp_path / "l.png")]) == 0
    with Image.open(tmp_path / "l.png") as image:
        assert min(image.size) > 300
    with (tmp_path / "l.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    macs = [float(row["MMACs"]) for row in rows]
    assert macs == sorted(macs) and {row["N"] for row in rows} == {row["M"] for row in rows} == {"8"}
    assert len((tmp_path / "l.md").read_text().splitlines()) == len(rows) + 2


def test_n_is_the_plans_where_there_is_one(tmp_path: Path) -> None:
    network = tmp_path / "net.onnx"
    network.write_bytes(NETWORK.read_bytes())
    first, *others = plot_layers.bars(network, 8)
    layer = LayerPlan(first.name, 3, 16, "magnitude", "0" * 64)
    network.with_suffix(".plan.json").write_text(json.dumps(Plan((layer,), "1/8", 0.1, "sls").to_dict()))
    again = {bar.name: (bar.n, bar.m) for bar in plot_layers.bars(network, 8)}
    assert again == {first.name: (3, 16), **{bar.name: (8, 8) for bar in others}}


def test_ticks_span_the_values() -> None:
    assert plot_quality._ticks([2.7, 23.8]) == [2, 5, 10, 20, 50]
    assert plot_quality._ticks([10.0]) == [10]

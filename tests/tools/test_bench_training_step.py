from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

import pytest

from slsc.tools import bench_training_step as bench


def test_measures_every_method(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    # A process a figure takes long to start, so here they are all measured in this one.
    monkeypatch.setattr(bench, "_in_own_process", lambda *run: 1 << 20)
    assert bench.main(["compact_x4", "--batch", "1", "--patch", "16", "--rounds", "1"]) == 0
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[2].strip() for row in rows] == list(bench.METHODS)
    assert all(float(row[3]) > 0 for row in rows)
    assert float(rows[0][4]) == float(rows[0][6]) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_peak_holds_at_least_the_features() -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        rise = pool.submit(bench.peak_rise, "compact_x4", bench.DENSE, 2, 96, 1).result()
    assert 8 * 2 * 64 * 96 * 96 * 4 < rise < 2 << 30  # 8 layers of 64 channels in float32


def test_table() -> None:
    text = bench.markdown([bench.Row("net", "sls", 0.1234, 1.051, 300 << 20, 1.1)])
    assert text.splitlines()[-1] == "| net | sls | 0.123 | 1.05 | 300 | 1.10 |"

"""What `slsc compile` says of time on this processor."""

from __future__ import annotations

import json

import onnx
import pytest


@pytest.fixture
def compiled(slsc, tmp_path, make_upscaler, monkeypatch):
    """compiled(budgets, milliseconds of dense and of each engine, words)"""
    path = tmp_path / "network.onnx"
    onnx.save(make_upscaler(op="Tanh"), path)

    def run(budgets, ms, *words):
        monkeypatch.setattr("slsc.jobs.compile.paying.fastest", lambda plans, io: list(ms))
        asked = [word for budget in budgets for word in ("--budget", budget)]
        done = slsc(
            "compile", path, *asked, "--effort", "none", "--precision", "float32", "-o", tmp_path / "b.slsb", *words
        )
        assert done.code == 0, done.err
        return done

    return run


def test_times_stand_in_the_table_and_what_gains_none_is_warned_of(compiled):
    done = compiled(["1/2", "1/4"], [10.0, 9.9, 4.0])
    header, _, *rows = done.out[done.out.index("network ") :].splitlines()[:5]
    assert "ms here" in header and [row.split()[-5] for row in rows] == ["10.0", "9.9", "4.0"]
    assert "dense in float32" in done.out
    assert "pruning gains next to no time on this processor: 1-2 take 9.9 ms" in done.err and "--budget 1 " in done.err


def test_nothing_is_warned_of_where_it_gains_or_nothing_is_pruned(compiled):
    assert "gains next to no time" not in compiled(["1", "1/4"], [10.0, 10.0, 5.0]).err


def test_it_is_in_the_json(compiled):
    race = json.loads(compiled(["1/4"], [10.0, 4.0], "--json").out)["race"]
    assert race == {"hw": [128, 128], "dense_in": "float32", "ms": {"dense": 10.0, "1-4": 4.0}}

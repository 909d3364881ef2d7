"""Times of nodes from ONNX Runtime's profiler: from its own file, and from files that are none."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest

from slsc.errors import BackendError
from slsc.runtime.backends import Traceable, load_backend
from slsc.runtime.backends.ort_trace import read_trace

CPU = "CPUExecutionProvider"
IMAGE = np.zeros((1, 3, 16, 16), np.float32)


def node(name: str, ts: int, dur: int, op: str = "Conv", provider: str = CPU) -> dict[str, Any]:
    shapes = [{"float": [1, 3, 8, 8]}, {"float": [16, 3, 3, 3]}, {"float": [16]}]
    args = {"op_name": op, "provider": provider, "input_type_shape": shapes}
    return {
        "cat": "Node",
        "name": f"{name}_kernel_time",
        "ts": ts,
        "dur": dur,
        "args": {**args, "output_type_shape": [{"float": [1, 16, 8, 8]}]},
    }


def run(ts: int, dur: int) -> dict[str, Any]:
    return {"cat": "Session", "name": "model_run", "ts": ts, "dur": dur, "args": {}}


RUNS = [
    *(node("a", 1, 900), node("b", 950, 1, "Concat"), run(0, 999)),
    *(node("a", 1001, 10), node("b", 1020, 2, "Concat"), run(1000, 50)),
    *(node("a", 2001, 20), node("b", 2030, 4, "Concat"), run(2000, 50)),
]


def written(folder: Path, text: str) -> Path:
    path = folder / "trace.json"
    path.write_text(text)
    return path


def test_the_last_runs_count(tmp_path: Path) -> None:
    first, second = read_trace(written(tmp_path, json.dumps(RUNS)), 2, CPU)
    assert first.what == "Conv 16x3x3x3 a"
    assert first.seconds == pytest.approx((1e-5, 2e-5))
    assert first.macs == 16 * 3 * 9 * 64
    assert (second.what, second.macs) == ("Concat b", None)
    assert second.seconds == pytest.approx((2e-6, 4e-6))


def test_nodes_that_another_provider_runs_say_so(tmp_path: Path) -> None:
    first, _ = read_trace(written(tmp_path, json.dumps(RUNS)), 2, "CUDAExecutionProvider")
    assert first.what.endswith("a (CPUExecutionProvider)")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        '[{"cat": "Node", "name": "a"quoted"_kernel_time"}]',
        json.dumps(RUNS[:3]),
        json.dumps([*RUNS, node("c", 2040, 1)]),
        json.dumps([*RUNS[:6], {**node("a", 2001, 3), "args": {}}, *RUNS[7:]]),
        json.dumps([run(0, 1), run(2, 1)]),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BackendError, match="profile"):
        read_trace(written(tmp_path, text), 2, CPU)


def test_of_a_network(tiny: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    backend = load_backend("onnxruntime", 1)
    assert isinstance(backend, Traceable)
    nodes = backend.trace(tiny.sr_network(), IMAGE, 1, 3)
    assert {len(each.seconds) for each in nodes} == {3}
    assert any(each.macs for each in nodes)
    assert all("Conv" in each.what for each in nodes if each.macs)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_leaves_no_file(
    tiny: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(BackendError):
        load_backend("onnxruntime", 1).trace(tiny.sr_network(), np.zeros((1, 5, 16, 16), np.float32), 0, 1)
    assert list(tmp_path.iterdir()) == []


def test_names_that_break_the_file_are_an_error_or_told(tiny: SimpleNamespace) -> None:
    model = onnx.load_from_string(tiny.sr_network())
    for index, each in enumerate(model.graph.node):
        each.name = f'quoted "{index}'
    try:
        nodes = load_backend("onnxruntime", 1).trace(model.SerializeToString(), IMAGE, 0, 1)
    except BackendError as error:
        assert "profile" in str(error)
    else:
        assert any('quoted "' in each.what for each in nodes)

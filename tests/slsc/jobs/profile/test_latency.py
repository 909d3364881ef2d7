from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest

pytest.importorskip("polygraphy")

from polygraphy.backend.base import BaseRunner
from polygraphy.common import TensorMetadata

from slsc.jobs.profile.latency import interleave, percentiles

IMAGE = np.zeros((1, 3, 4, 5), np.float32)


class Recorder(BaseRunner):
    """Writes down when it runs; its latency is the number of the run."""

    def __init__(self, name: str, runs: list[str]) -> None:
        super().__init__(name=name, prefix="recorder")
        self.runs, self.own = runs, 0

    def get_input_metadata_impl(self) -> TensorMetadata:
        return TensorMetadata().add("x", np.float32, (1, 3, None, None))

    def infer_impl(self, feed_dict):
        assert feed_dict["x"] is IMAGE
        self.runs.append(self.name)
        self.own += 1
        self.inference_time = float(self.own)
        return OrderedDict()


def test_rounds_are_interleaved_and_the_warm_up_is_not_counted() -> None:
    runs: list[str] = []
    done: list[int] = []
    with Recorder("a", runs) as first, Recorder("b", runs) as second:
        timings = interleave([first, second], IMAGE, 2, 3, done.append)
    assert runs == ["a", "b"] * 5
    assert [timing.seconds for timing in timings] == [(3.0, 4.0, 5.0)] * 2
    assert [timing.op_macs for timing in timings] == [(), ()]
    assert done == [1, 2, 3, 4, 5]


def test_percentiles() -> None:
    found = percentiles(np.arange(101) / 1e3)
    assert found == {"p50_ms": 50, "p90_ms": 90, "p99_ms": 99, "min_ms": 0, "mean_ms": 50}
    assert percentiles([0.25]) == dict.fromkeys(found, 250)

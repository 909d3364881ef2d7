"""Interleaved timing of runners, and the percentiles of their latencies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from polygraphy.backend.base import BaseRunner

from slsc.jobs.profile.runners import BackendRunner
from slsc.runtime.backends import Timed
from slsc.runtime.backends.base import Batch


@dataclass(frozen=True)
class Timings:
    """What was measured of one runner.

    Attributes:
        seconds: of every timed run.
        op_seconds: of every timed run and operation, shape (runs, operations); empty where the backend tells none.
        op_macs: multiply-accumulates of each operation.
    """

    seconds: tuple[float, ...]
    op_seconds: tuple[tuple[float, ...], ...]
    op_macs: tuple[int, ...]


def interleave(
    runners: Sequence[BaseRunner], image: Batch, warm_up: int, repeats: int, progress: Callable[[int], None]
) -> list[Timings]:
    """Run all in turn, round by round, so that load and clock speed fall on all alike.

    Args:
        runners: active ones.
        image: given to each under the name of its only input.
        warm_up: rounds that are not counted.
        repeats: rounds that are, at least 1.
        progress: called after each round with the number done.

    Raises:
        BackendError: an engine fails.
    """
    seconds: list[list[float]] = [[] for _ in runners]
    op_seconds: list[list[tuple[float, ...]]] = [[] for _ in runners]
    for round_ in range(warm_up + repeats):
        for runner, times, op_times in zip(runners, seconds, op_seconds, strict=True):
            runner.infer(dict.fromkeys(runner.get_input_metadata(use_numpy_dtypes=False), image))
            if round_ >= warm_up:
                times.append(runner.last_inference_time())
                if timed := _timed(runner):
                    op_times.append(tuple(timed.op_seconds()))
        progress(round_ + 1)
    return [
        Timings(tuple(times), tuple(op_times), _macs(runner))
        for runner, times, op_times in zip(runners, seconds, op_seconds, strict=True)
    ]


def _macs(runner: BaseRunner) -> tuple[int, ...]:
    timed = _timed(runner)
    return tuple(timed.op_macs()) if timed else ()


def _timed(runner: BaseRunner) -> Timed | None:
    """The engine that tells what each operation takes, where a runner has such."""
    engine = runner.engine if isinstance(runner, BackendRunner) else None
    return engine if isinstance(engine, Timed) else None


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """p50_ms, p90_ms, p99_ms (linear between ranks), min_ms and mean_ms of latencies in seconds."""
    milliseconds = 1e3 * np.asarray(seconds)
    found = dict(zip(("p50_ms", "p90_ms", "p99_ms"), np.percentile(milliseconds, [50, 90, 99]), strict=True))
    found |= {"min_ms": milliseconds.min(), "mean_ms": milliseconds.mean()}
    return {name: round(float(value), 4) for name, value in found.items()}

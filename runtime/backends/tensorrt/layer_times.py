"""What each layer of a TensorRT engine takes, by the library's own profiler, which a context calls after a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slsc.errors import BackendError
from slsc.runtime.backends.base import NodeTimes

MILLISECOND = 1e-3
"""The unit it calls with."""

Reported = list[tuple[str, float]]
"""Names of layers and milliseconds, in the order in which they were told."""


def layer_times(library: Any, context: Any, run: Callable[[], object], warm_up: int, runs: int) -> list[NodeTimes]:
    """Run an engine with a profiler at its context, which tells layers one after the other and thereby slows them down.

    Args:
        library: Python module of TensorRT or TensorRT-RTX.
        context: the execution context that `run` uses.
        run: runs the engine once, and returns when it is done.
        warm_up: runs that do not count.
        runs: runs that do.

    Raises:
        BackendError: the runs were not told, or not alike.
    """
    profiler = _profiler(library)
    context.profiler = profiler
    by_run: list[Reported] = []
    for _ in range(warm_up + runs):
        profiler.reported = []
        run()
        by_run.append(profiler.reported)
    counted = by_run[warm_up:]
    names = [name for name, _ in counted[0]]
    if not names or any([name for name, _ in each] != names for each in counted):
        why = "it told no layers, or others from run to run"
        raise BackendError("TensorRT's profiler cannot be used", why=why, hint="leave out --per-op")
    return [
        NodeTimes(name, tuple(MILLISECOND * each[index][1] for each in counted), None)
        for index, name in enumerate(names)
    ]


def _profiler(library: Any) -> Any:
    """One that writes down what it is told."""

    class Recorder(library.IProfiler):  # type: ignore[misc]  # the base is known only where the library is
        reported: Reported

        def __init__(self) -> None:
            library.IProfiler.__init__(self)
            self.reported = []

        def report_layer_time(self, layer_name: str, ms: float) -> None:
            """Called by the library, once a layer and run."""
            self.reported.append((layer_name, ms))

    return Recorder()

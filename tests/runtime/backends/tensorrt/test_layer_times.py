"""Times of layers from TensorRT's profiler, played by an interface of the same calls: no GPU is here.

In TensorRT 10.3, 10.16, 11 and TensorRT-RTX alike a profiler is a subclass of `IProfiler` whose base has been made, is
set as a context's `profiler`, and is called once a layer while the context runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from slsc.errors import BackendError
from slsc.runtime.backends import Traceable
from slsc.runtime.backends.tensorrt.backend import TensorRtBackend, TensorRtRtxBackend
from slsc.runtime.backends.tensorrt.flavour import RTX
from slsc.runtime.backends.tensorrt.layer_times import layer_times


class IProfiler:
    """As the library's: of no use unless its own constructor was called."""

    made = False

    def __init__(self) -> None:
        self.made = True


LIBRARY = SimpleNamespace(IProfiler=IProfiler)


class Context:
    """Tells the layers of each run of `runs`."""

    def __init__(self, runs: list[dict[str, float]]) -> None:
        self.profiler: Any = None
        self._runs: Iterator[dict[str, float]] = iter(runs)

    def run(self) -> None:
        assert self.profiler.made
        for name, milliseconds in next(self._runs).items():
            self.profiler.report_layer_time(name, milliseconds)


def test_layers_of_the_runs_that_count() -> None:
    context = Context([{"conv": 9.0, "relu": 9.0}, {"conv": 2.0, "relu": 1.0}, {"conv": 4.0, "relu": 1.5}])
    conv, relu = layer_times(LIBRARY, context, context.run, 1, 2)
    assert (conv.what, conv.macs) == ("conv", None)
    assert conv.seconds == pytest.approx((2e-3, 4e-3))
    assert relu.seconds == pytest.approx((1e-3, 1.5e-3))


@pytest.mark.parametrize("runs", [[{}, {}], [{"conv": 1.0}, {"relu": 1.0}], [{"conv": 1.0}, {}]])
def test_runs_that_differ_or_tell_nothing_are_an_error(runs: list[dict[str, float]]) -> None:
    context = Context(runs)
    with pytest.raises(BackendError, match="profiler"):
        layer_times(LIBRARY, context, context.run, 0, 2)


def test_both_libraries_backends_tell() -> None:
    assert isinstance(TensorRtBackend(0), Traceable)
    assert isinstance(TensorRtRtxBackend(0), Traceable)


@pytest.mark.skipif(RTX.missing() is not None, reason="needs TensorRT-RTX")
def test_the_library_has_what_is_called() -> None:
    import tensorrt_rtx

    assert hasattr(tensorrt_rtx.IProfiler, "report_layer_time")
    assert isinstance(tensorrt_rtx.IExecutionContext.profiler, property)

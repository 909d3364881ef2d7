"""Networks as Polygraphy runners, one kind per backend.

Importing this module needs Polygraphy, an optional extra.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

import numpy as np
from polygraphy.backend.base import BaseRunner
from polygraphy.backend.onnxrt import OnnxrtRunner
from polygraphy.common import TensorMetadata

from slsc.runtime.backends.base import Batch
from slsc.runtime.backends.native import NativeRunner
from slsc.runtime.backends.onnxruntime import OnnxRuntimeRunner

IMAGE, RESTORED = "image", "restored"
"""Names of the native engine's input and output, which its plans do not name."""


class NativeEngineRunner(BaseRunner):  # type: ignore[misc]  # Polygraphy has no type hints
    """The native engine behind Polygraphy's interface.

    Args:
        plan: bytes of a plan file.
        threads: 0 for one per core.
        channels: of its input.
        name: shown in Polygraphy's messages.
    """

    def __init__(self, plan: bytes, threads: int, channels: int, name: str) -> None:
        super().__init__(name=name, prefix="slsc-native-runner")
        self._plan, self._threads, self._channels = plan, threads, channels

    def activate_impl(self) -> None:
        """Load the plan."""
        self.engine = NativeRunner(self._plan, self._threads)

    def get_input_metadata_impl(self) -> TensorMetadata:
        """One image of any size."""
        return TensorMetadata().add(IMAGE, np.float32, (1, self._channels, None, None))

    def infer_impl(self, feed_dict: Mapping[str, Batch]) -> OrderedDict[str, Batch]:
        """Run the network once, from planar float32 in memory to the same, and keep the time."""
        begun = time.perf_counter()
        restored = self.engine.run(feed_dict[IMAGE])
        self.inference_time = time.perf_counter() - begun
        return OrderedDict([(RESTORED, restored)])

    def deactivate_impl(self) -> None:
        """Drop the engine."""
        del self.engine


def onnxruntime_runner(model: bytes, threads: int, channels: int, name: str) -> OnnxrtRunner:
    """Polygraphy's runner, over a session as `slsc run` opens it."""
    return OnnxrtRunner(lambda: OnnxRuntimeRunner(model, threads).session, name=name)


RUNNERS: Mapping[str, Callable[[bytes, int, int, str], BaseRunner]] = {
    "native": NativeEngineRunner,
    "onnxruntime": onnxruntime_runner,
}
"""Backend -> makes a runner of what it loads, for a number of threads and of input channels, under a name."""

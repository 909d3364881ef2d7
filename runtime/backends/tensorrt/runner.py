"""A TensorRT engine that runs, through Polygraphy's runner."""

from __future__ import annotations

import sys
import threading

import numpy as np

from slsc.errors import BackendError
from slsc.runtime.backends.base import AllocationFailed, Batch, NodeTimes
from slsc.runtime.backends.tensorrt.build import Shapes
from slsc.runtime.backends.tensorrt.flavour import Flavour, polygraphy_as_errors
from slsc.runtime.backends.tensorrt.layer_times import layer_times
from slsc.runtime.bundle.engines import Engine

OUT_OF_MEMORY = ("out of memory", "outofmemory", "insufficient memory", "cudaerrormemoryallocation")
"""How CUDA and TensorRT word a failed allocation."""


class TensorRtRunner:
    """One engine with one execution context. Tiles run one after the other: two at once are slower on small devices.

    Args:
        flavour: the library that built the engine.
        data: the engine.
        shapes: sizes it was built for.

    Raises:
        BackendError: the library does not take the engine.
    """

    def __init__(self, flavour: Flavour, data: bytes, shapes: Shapes) -> None:
        self._library = flavour.load()
        from polygraphy.backend.trt import EngineFromBytes, TrtRunner

        self._name, self._shapes, self._lock = flavour.name, shapes, threading.Lock()
        with polygraphy_as_errors(f"{flavour.name} cannot load the engine", "run `slsc build` again on this device"):
            engine = EngineFromBytes(data)()
            self._device_bytes = int(getattr(engine, "device_memory_size_v2", 0) or engine.device_memory_size)
            self._runner = TrtRunner(engine)
            self._runner.activate()
            (self._input,) = self._runner.get_input_metadata()

    def run(self, image: Batch) -> Batch:
        """Run the network once; see `Runner.run`."""
        if any(side < least for side, least in zip(image.shape[2:], self._shapes.least, strict=True)):
            height, width = self._shapes.least
            raise BackendError(
                f"the engine takes no images smaller than {width}x{height}",
                why=f"got {image.shape[3]}x{image.shape[2]}",
                hint="use --backend native or onnxruntime",
            )
        try:
            with self._lock, polygraphy_as_errors(f"{self._name} failed to run the engine", "see `slsc check`"):
                outputs = self._runner.infer({self._input: np.ascontiguousarray(image)}, check_inputs=False)
                (output,) = outputs.values()
                return np.array(output, np.float32)  # the runner's own buffer is the next run's, too
        except BackendError as error:
            if any(words in str(error).lower() for words in OUT_OF_MEMORY):
                raise AllocationFailed(str(error)) from error
            raise

    def layer_times(self, image: Batch, warm_up: int, runs: int) -> list[NodeTimes]:
        """See `Traceable.trace`; slows down all runs from now on."""
        return layer_times(self._library, self._runner.context, lambda: self.run(image), warm_up, runs)

    def run_bytes(self, engine: Engine, height: int, width: int) -> int:
        """See `Runner.run_bytes`; no memory suffices for what is larger than the engine was built for."""
        if height > self._shapes.most[0] or width > self._shapes.most[1]:
            return sys.maxsize
        return self._device_bytes + int(engine.bytes_per_pixel) * height * width

    def close(self) -> None:
        """Give back the device's memory; see `Runner.close`."""
        if self._runner.is_active:
            self._runner.deactivate()

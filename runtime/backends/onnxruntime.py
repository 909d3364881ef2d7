"""ONNX Runtime on the CPU."""

from __future__ import annotations

import ctypes
import os
import threading
from importlib import import_module
from typing import Any

from slsc.errors import BackendError
from slsc.runtime.backends.base import AllocationFailed, Batch, Runner, missing_artefact
from slsc.runtime.backends.engine_scan import reason_to_refuse
from slsc.runtime.backends.graph_memory import least_bytes_per_pixel
from slsc.runtime.backends.ort_reason import ort_reason
from slsc.runtime.bundle.engines import ONNX, Engine

OUT_OF_MEMORY = ("failed to allocate memory", "bad_alloc", "out of memory", "bad allocation")
"""How ONNX Runtime words a failed allocation; it has no exception class of its own for it."""

LOG_ERRORS_ONLY = 3

EXTERNAL_FOLDER = "session.model_external_initializers_file_folder_path"
"""Known from ONNX Runtime 1.21 on."""

OVERHEAD = 2.1
"""Peak of a run over the engine's live activations.

Measured with ONNX Runtime 1.31 on the CPU (arena on, memory pattern off, 1 and 2 threads) as growth of the resident set
over `bytes_per_pixel` * pixels, with tiles of 96 / about 225 pixels a side: EDSR-baseline x4 1.56 / 1.50, EDSR of 8
blocks x2 1.66 / 1.66, CARN-M x4 1.66 / 1.63, RFDN x4 1.61 / 2.00, IMDN x4 1.49 / 1.32. Without the arena it is 1.5 to
5.3 and grows from tile to tile, because freed blocks fragment the heap. What exceeds 1 are reordered copies of
activations (NCHWc) and the arena's growth in powers of two.
"""


class OnnxRuntimeRunner:
    """One network in an ONNX Runtime session of its own.

    Args:
        model: bytes of an ONNX file.
        threads: 0 for one per core.

    Raises:
        BackendError: ONNX Runtime refuses the model, or it may not be run: see `reason_to_refuse`.
    """

    def __init__(self, model: bytes, threads: int) -> None:
        self._session: Any = None
        if why := reason_to_refuse(model):
            raise BackendError(
                "the engine is not to be run", why=why, hint="do not trust this file; make it again with `slsc compile`"
            )
        _require_threads(threads or os.cpu_count() or 1)
        # Here and not above, so that the backend can tell whether the package is there.
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        # With tiles of one shape the arena hands every tile the blocks of the one before. Without it they go through
        # the C heap, which fragments: measured peaks are up to three times higher, and grow from tile to tile.
        options.enable_cpu_mem_arena = True
        # The pattern reserves the whole of a run at once, beside what the arena already holds.
        options.enable_mem_pattern = False
        options.log_severity_level = LOG_ERRORS_ONLY
        # Threads may spin between the layers of a run, not while tiles are cut, written or waited for.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        # A second lock on weights in another file, which would be read from the working directory: no file lies in what
        # is no folder.
        options.add_session_config_entry(EXTERNAL_FOLDER, os.devnull)
        try:
            # Falling back to other providers prints to stdout, which belongs to the user's results.
            session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"], enable_fallback=0)
        except Exception as error:  # ONNX Runtime's exceptions share no base class below Exception
            raise _failure("ONNX Runtime refuses the engine", error) from error
        self._session = session
        self._process = os.getpid()
        self._least_bytes_per_pixel = least_bytes_per_pixel(model)
        self._input = session.get_inputs()[0].name
        self._output = session.get_outputs()[0].name

    def run(self, image: Batch) -> Batch:
        """Run the network once; see `Runner.run`."""
        try:
            output: Batch = self._session.run([self._output], {self._input: image})[0]
        except MemoryError:
            raise AllocationFailed from None
        except Exception as error:
            if any(words in str(error).lower() for words in OUT_OF_MEMORY):
                raise AllocationFailed(str(error)) from error
            raise _failure("ONNX Runtime failed to run the engine", error) from error
        return output

    def run_bytes(self, engine: Engine, height: int, width: int) -> int:
        """See `Runner.run_bytes`; every pixel takes as much, whatever the bundle says no less than the graph shows."""
        return int(OVERHEAD * max(engine.bytes_per_pixel, self._least_bytes_per_pixel) * height * width)

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Drop the session; see `Runner.close`."""
        if self._session is not None and os.getpid() != self._process:
            # It would wait for its threads, which are not in a forked process, for ever: never to be destroyed there.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._session))
        self._session = None


def _require_threads(count: int) -> None:
    """Start as many threads as ONNX Runtime will, which waits for ever for those that the system does not give it.

    Raises:
        BackendError: the system gives fewer.
    """
    done = threading.Event()
    started: list[threading.Thread] = []
    try:
        for _ in range(count - 1):
            started.append(threading.Thread(target=done.wait, daemon=True))
            started[-1].start()
    except (RuntimeError, MemoryError):
        started.pop()
        raise BackendError(
            "ONNX Runtime cannot be started", why=f"the system gives no {count} threads", hint="use fewer threads"
        ) from None
    finally:
        done.set()
        for thread in started:
            thread.join()


def _failure(what: str, error: Exception) -> BackendError:
    return BackendError(what, why=ort_reason(error), hint="check the bundle with `slsc check`")


class OnnxRuntimeBackend:
    """ONNX Runtime's CPU execution provider, any graph."""

    name = "onnxruntime"
    kind = ONNX
    install = "pip install slsc"
    runner: type[Runner] = OnnxRuntimeRunner

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def available(self) -> str | None:
        """See `Backend.available`: where its package can be imported."""
        try:
            import_module("onnxruntime")
        except ImportError as error:
            return str(error)
        return None

    def accepts(self, engine: Engine) -> str | None:
        """See `Backend.accepts`: every engine but those with bfloat16 convolutions."""
        if engine.types and "bf16" in engine.types.layers.values():
            return "ONNX Runtime has no bfloat16 convolution on a CPU"
        return missing_artefact(engine, self.kind)

    def load(self, artefact: bytes) -> OnnxRuntimeRunner:
        """Prepare an engine, given as the bytes of its ONNX file; see `Backend.load`."""
        return OnnxRuntimeRunner(artefact, self._threads)

    def close(self) -> None:
        """See `Backend.close`; its runners share nothing."""

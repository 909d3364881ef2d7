"""ONNX Runtime, on the CPU or with another of its execution providers."""

from __future__ import annotations

import ctypes
import logging
import os
import tempfile
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from slsc.errors import BackendError
from slsc.metrics.psnr import psnr_to
from slsc.printable import printable
from slsc.runtime.backends.base import AllocationFailed, Batch, NodeTimes, Runner, missing_artefact
from slsc.runtime.backends.engine_scan import reason_to_refuse
from slsc.runtime.backends.graph_memory import least_bytes_per_pixel
from slsc.runtime.backends.ort_providers import CPU, Provider, make_session, unavailable
from slsc.runtime.backends.ort_reason import ort_reason
from slsc.runtime.backends.ort_trace import read_trace
from slsc.runtime.bundle.engines import ONNX, Engine

OUT_OF_MEMORY = ("failed to allocate memory", "bad_alloc", "out of memory", "bad allocation")
"""How ONNX Runtime words a failed allocation; it has no exception class of its own for it."""

LOG_ERRORS_ONLY, LOG_NO_ERRORS = 3, 4

TRIED = (1, 3, 64, 64)
"""Shape of the image that a provider is tried on, where the network leaves a side free."""

LEAST_DB = 35.0
"""PSNR to the CPU's output that a provider must reach on it. float32 without TF32 has far more, types of 8 and 16 bits
round elsewhere, and wrong kernels have far less."""

log = logging.getLogger(__name__)

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
        provider: which runs it. Any but the CPU's runs it once, and is believed if that gives what the CPU gives.
        trace: how the name of a file begins that tells what each node took in each run; None for no such file.

    Raises:
        BackendError: ONNX Runtime refuses the model, it may not be run (see `reason_to_refuse`), or the provider is not
            available, fails, or computes something else.
    """

    def __init__(self, model: bytes, threads: int, provider: Provider = CPU, trace: Path | None = None) -> None:
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
        # Without VNNI, x86 processors add two products of bytes in 16 bits, which overflow; this way they take longer.
        options.add_session_config_entry("session.x64quantprecision", "1")
        # A second lock on weights in another file, which would be read from the working directory: no file lies in what
        # is no folder.
        options.add_session_config_entry(EXTERNAL_FOLDER, os.devnull)
        if trace:
            options.enable_profiling, options.profile_file_prefix = True, str(trace)
        try:
            session = _session(ort, model, options, provider)
        except BackendError:
            raise
        except Exception as error:  # ONNX Runtime's exceptions share no base class below Exception
            raise _failure("ONNX Runtime refuses the engine", error) from error
        self._session, self.provider = session, provider
        self._process = os.getpid()
        self._least_bytes_per_pixel = least_bytes_per_pixel(model)
        self._input = session.get_inputs()[0].name
        self._output = session.get_outputs()[0].name
        if provider is not CPU:
            self._require_agreement(OnnxRuntimeRunner(model, threads))

    def _require_agreement(self, cpu: OnnxRuntimeRunner) -> None:
        """Run once, and compare with the CPU: a provider that is listed may fail at its first run, or be wrong."""
        shape = self._session.get_inputs()[0].shape
        sides = [side if isinstance(side, int) else free for side, free in zip(shape, TRIED, strict=True)]
        image = np.random.default_rng(0).random(sides, np.float32)
        name = self.provider.name
        try:
            found = psnr_to(cpu.run(image), self.run(image))
        except (AllocationFailed, BackendError) as error:
            why = error.why if isinstance(error, BackendError) else "out of memory"
            hint = f"use --provider cpu, or {name},cpu to fall back; {self.provider.install}"
            raise BackendError(
                f"the provider {name} is there, but fails to run the engine", why=why, hint=hint
            ) from error
        finally:
            cpu.close()
        if not found >= LEAST_DB:
            why = f"{found:.1f} dB from what the CPU gives, {LEAST_DB:g} are the least"
            raise BackendError(f"the provider {name} computes something else", why=why, hint="use --provider cpu")

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

    def end_trace(self) -> Path:
        """The file of a runner made with `trace`, whole; later runs are not in it."""
        return Path(self._session.end_profiling())

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
    """ONNX Runtime, any graph; on the CPU unless other providers are asked for.

    Args:
        threads: of the CPU.
        providers: the first that is available and runs an engine rightly does; the next is tried only then, and that is
            told.
    """

    kind = ONNX
    install = "pip install slsc"
    runner: type[Runner] = OnnxRuntimeRunner
    name = "onnxruntime"

    def __init__(self, threads: int, providers: Sequence[Provider] = (CPU,)) -> None:
        self._threads, self._providers = threads, tuple(providers)
        if self._providers != (CPU,):
            self.name = f"{type(self).name}:{','.join(provider.name for provider in self._providers)}"
            self.install = self._providers[0].install

    def available(self) -> str | None:
        """See `Backend.available`: where one of the providers is installed."""
        reasons = [provider.missing() for provider in self._providers]
        return None if None in reasons else "; ".join(dict.fromkeys(filter(None, reasons)))

    def accepts(self, engine: Engine) -> str | None:
        """See `Backend.accepts`: every engine but those with bfloat16 convolutions."""
        if engine.types and "bf16" in engine.types.layers.values():
            return "ONNX Runtime has no bfloat16 convolution on a CPU"
        return missing_artefact(engine, self.kind)

    def load(self, artefact: bytes) -> OnnxRuntimeRunner:
        """Prepare an engine, given as the bytes of its ONNX file; see `Backend.load`."""
        return self._load_preferred(artefact, None)

    def trace(self, artefact: bytes, image: Batch, warm_up: int, runs: int) -> list[NodeTimes]:
        """See `Traceable.trace`: by ONNX Runtime's profiler, its graph optimisations on."""
        with (
            tempfile.TemporaryDirectory() as folder,
            closing(self._load_preferred(artefact, Path(folder) / "nodes")) as runner,
        ):
            for _ in range(warm_up + runs):
                runner.run(image)
            return read_trace(runner.end_trace(), runs, runner.provider.ort)

    def close(self) -> None:
        """See `Backend.close`; its runners share nothing."""

    def _load_preferred(self, artefact: bytes, trace: Path | None) -> OnnxRuntimeRunner:
        """By the first provider that runs the engine rightly."""
        *preferred, last = self._providers
        for provider, following in zip(preferred, self._providers[1:], strict=True):
            try:
                return self._load(artefact, provider, trace)
            except BackendError as error:
                log.warning(printable(f"falling back to {following.name}: {error}"))
        return self._load(artefact, last, trace)

    def _load(self, artefact: bytes, provider: Provider, trace: Path | None) -> OnnxRuntimeRunner:
        if why := provider.missing():
            raise unavailable(provider, why)
        return OnnxRuntimeRunner(artefact, self._threads, provider, trace)


def _session(ort: Any, model: bytes, options: Any, provider: Provider) -> Any:
    """See `make_session`.

    ONNX Runtime 1.32 fails to make 8-bit weights that several nodes read ready for processors without VNNI. Computing
    with the numbers that the integers stand for gives what the file says, too.
    """
    if provider is not CPU or b"QuantizeLinear" not in model:
        return make_session(ort, model, options, provider)
    options.log_severity_level = LOG_NO_ERRORS  # it would print what is mended here
    try:
        return make_session(ort, model, options, provider)
    except Exception:
        options.log_severity_level = LOG_ERRORS_ONLY
        options.add_session_config_entry("session.disable_quant_qdq", "1")
        return make_session(ort, model, options, provider)

"""An engine of a bundle on its backend, ready to run."""

from __future__ import annotations

from dataclasses import dataclass

from slsc.errors import ResourceError, UsageError
from slsc.runtime.backends import (
    Adjustable,
    AllocationFailed,
    Backend,
    Runner,
    able_to,
    choose_backend,
    load_backend,
    require_accepted,
)
from slsc.runtime.backends.ort_providers import CPU
from slsc.runtime.bundle.engines import Engine
from slsc.runtime.bundle.reader import Bundle
from slsc.runtime.memory import resident_bytes
from slsc.runtime.options import Options
from slsc.runtime.tiles.tiling import round_up


@dataclass(frozen=True)
class LoadedEngine:
    """An engine with what runs it.

    Attributes:
        record: of the engine, from the bundle's manifest.
        backend: what loaded it; the engines that a session loads one after the other share it and its threads.
        threads: of the backend.
        runner: the loaded engine.
        multiple_of: height and width of its input are multiples of these.
        resident: bytes the process had when it was loaded. Measured then and not per photo: what the backend keeps for
            the next run is no reason to allow it less.
    """

    record: Engine
    backend: Backend
    threads: int
    runner: Runner
    multiple_of: tuple[int, int]
    resident: int

    @property
    def runs_on(self) -> str:
        """Name of the backend, with the one of ONNX Runtime's providers that runs it where that is not the CPU."""
        provider = getattr(self.runner, "provider", CPU)
        return f"{self.backend.name.partition(':')[0]}{'' if provider is CPU else f':{provider.name}'}"

    def run_bytes(self, height: int, width: int) -> int:
        """What a run on a tile holds; tiles are enlarged to what the network takes.

        Raises:
            ResourceError: out of memory.
        """
        rows, columns = self.multiple_of
        try:
            return self.runner.run_bytes(self.record, round_up(height, rows), round_up(width, columns))
        except AllocationFailed as error:
            raise ResourceError("out of memory", why=f"while a run on {width}x{height} was prepared") from error


def load_engine(bundle: Bundle, options: Options, before: LoadedEngine | None) -> LoadedEngine:
    """Load the engine that the options name, on the backend that they name.

    Args:
        bundle: which holds it.
        options: see there.
        before: what the session has loaded already. Where it is on the backend and threads asked for, they are shared.
            It is closed in the end, and stays as it is where loading fails.

    Raises:
        UsageError: the bundle has no such engine, there is no such backend, or it cannot run at the capacity.
        BackendError: the backend is missing, or refuses the engine.
        BundleError: the engine's entry is damaged.
    """
    engine = bundle.select(options.engine)[0]
    backend = _backend_for(engine, options)
    if before and (before.backend.name, before.threads) == (backend.name, options.threads):
        backend = before.backend
    runner = backend.load(bundle.read(engine.artefacts[backend.kind].entry))
    _limit_capacity(runner, options.capacity, backend.name)
    if before:
        before.runner.close()
        if before.backend is not backend:
            before.backend.close()
    return LoadedEngine(engine, backend, options.threads, runner, bundle.manifest.io.multiple_of, resident_bytes())


def _backend_for(engine: Engine, options: Options) -> Backend:
    if options.backend is None:
        return choose_backend(engine, options.threads)
    backend = load_backend(options.backend, options.threads)
    require_accepted(backend, engine)
    return backend


def _limit_capacity(runner: Runner, capacity: int | None, backend: str) -> None:
    if capacity is None:
        return
    if not isinstance(runner, Adjustable):
        raise UsageError(
            f"the backend {backend} cannot run at a lower capacity",
            why="its engines are stored with their weights in place",
            hint=f"use --backend {' or '.join(able_to(Adjustable))}, or leave out --capacity",
        )
    runner.set_capacity(capacity)

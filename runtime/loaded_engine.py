"""Engines of a bundle on their backend, ready to run: one, or those of an adaptive ladder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from slsc.errors import BundleError, ResourceError, UsageError
from slsc.runtime.backends import (
    BACKENDS,
    Adjustable,
    AllocationFailed,
    Backend,
    Regional,
    Runner,
    able_to,
    choose_backend,
    load_backend,
    require_accepted,
)
from slsc.runtime.backends.ort_providers import CPU
from slsc.runtime.bundle.engines import Artefact, Engine
from slsc.runtime.bundle.estimators import EstimatorRecord
from slsc.runtime.bundle.faults import BundleFault
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
        others: engines of its ladder beside it, by name, on the same backend.
        resident: bytes the process had when it was loaded. Measured then and not per photo: what the backend keeps for
            the next run is no reason to allow it less.
    """

    record: Engine
    backend: Backend
    threads: int
    runner: Runner
    multiple_of: tuple[int, int]
    resident: int
    others: Mapping[str, Runner] = field(default_factory=dict)

    def close(self) -> None:
        """Give back what it and the others hold, and the backend."""
        self.close_runners()
        self.backend.close()

    def close_runners(self) -> None:
        """Give back what it and the others hold; the backend stays."""
        for runner in (self.runner, *self.others.values()):
            runner.close()

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


def load_engine(
    bundle: Bundle, options: Options, before: LoadedEngine | None, joined: Mapping[str, Artefact] | None = None
) -> LoadedEngine:
    """Load the engine that the options name, on the backend that they name.

    Args:
        bundle: which holds it.
        options: see there.
        before: what the session has loaded already. Where it is on the backend and threads asked for, they are shared.
            It is closed in the end, and stays as it is where loading fails.
        joined: artefacts by kind that are loaded in place of the engine's own, of which it is the dearest candidate.

    Raises:
        UsageError: the bundle has no such engine, there is no such backend, or it cannot run at the capacity.
        BackendError: the backend is missing, or refuses the engine.
        BundleError: the engine's entry is damaged.
    """
    engine = bundle.select(options.engine)[0]
    backend = _backend_for(engine, options)
    if before and (before.backend.name, before.threads) == (backend.name, options.threads):
        backend = before.backend
    artefact = (joined or {}).get(backend.kind, engine.artefacts[backend.kind])
    runner = backend.load(bundle.read(artefact.entry))
    _limit_capacity(runner, options.capacity, backend.name)
    if before:
        before.close_runners()
        if before.backend is not backend:
            before.backend.close()
    return LoadedEngine(engine, backend, options.threads, runner, bundle.manifest.io.multiple_of, resident_bytes())


def load_ladder(bundle: Bundle, options: Options, record: EstimatorRecord, before: LoadedEngine | None) -> LoadedEngine:
    """Load the engines that regions choose from: all in one runner where the backend is `Regional`, else one each.

    Args:
        bundle, options, before: as in `load_engine`.
        record: of the bundle's estimator; its dearest engine is what `LoadedEngine.record` is.

    Raises:
        UsageError, BackendError, BundleError: as `load_engine`.
    """
    names = record.engines
    options = replace(options, engine=names[-1], beta=None, budget=None, time_budget=None, quality=None)
    loaded = load_engine(bundle, options, before, record.artefacts)
    others: dict[str, Runner] = {}
    try:
        if loaded.backend.kind in record.artefacts:
            _require_candidates(loaded, record)
            return loaded
        for name in names[:-1]:
            if bundle.manifest.engine(name) is None:
                raise _kept_together(name, loaded, record)
            engine = bundle.select(name)[0]
            require_accepted(loaded.backend, engine)
            others[name] = loaded.backend.load(bundle.read(engine.artefacts[loaded.backend.kind].entry))
    except BaseException:
        replace(loaded, others=others).close()
        raise
    return replace(loaded, others=others, resident=resident_bytes())


def _kept_together(name: str, loaded: LoadedEngine, record: EstimatorRecord) -> UsageError:
    able = " or ".join(backend for backend, make in BACKENDS.items() if make.kind in record.artefacts)
    return UsageError(
        f"the backend {loaded.backend.name} cannot choose by region in this bundle",
        why=f"{name} is kept within the weights of {loaded.record.name}, in a form that it does not load",
        hint=f"use --backend {able}, or --engine {loaded.record.name} for that everywhere",
    )


def _require_candidates(loaded: LoadedEngine, record: EstimatorRecord) -> None:
    """Check that what holds the engines together holds as many as the estimator tells apart."""
    runner = loaded.runner
    found = runner.candidates() if isinstance(runner, Regional) else 1
    if found != len(record.engines) or not isinstance(runner, Regional):
        entry = record.artefacts[loaded.backend.kind].entry
        raise BundleError(
            BundleFault.BAD_MANIFEST,
            "the bundle's estimator and engines do not go together",
            where=entry,
            why=f"it holds {found} candidates, the estimator knows {len(record.engines)} engines",
            hint="make the bundle again with `slsc compile`",
        )
    runner.set_region(*record.region)


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

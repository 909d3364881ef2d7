"""What `slsc profile` measures: every network on every backend that can run it, all in turn."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from slsc.errors import BackendError
from slsc.jobs.profile.targets import Target
from slsc.runtime.backends import BACKENDS, Backend, NodeTimes, Traceable, load_backend
from slsc.runtime.backends.base import Batch

if TYPE_CHECKING:
    from slsc.jobs.profile.latency import Timings

WARM_UP = 2
"""Rounds that are not counted."""


@dataclass(frozen=True)
class Job:
    """One target on one backend, which jobs share: what is measured, and what the backend loads."""

    target: Target
    backend: Backend
    artefact: bytes


def cores() -> int:
    """Cores this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def list_jobs(
    targets: Sequence[Target], asked: Sequence[str] | None, threads: int, note: Callable[[str], None]
) -> list[Job]:
    """Each target on each backend asked for; when none is, on each that can run it.

    Args:
        targets: networks.
        asked: names of backends, None for all that can.
        threads: of each backend.
        note: told which target cannot run on which backend.

    Raises:
        BackendError: a backend that was asked for cannot run a target, or none can.
    """
    jobs: list[Job] = []
    backends = _available(asked, threads, note)
    for target in targets:
        for name, backend in backends.items():
            try:
                jobs.append(Job(target, backend, target.artefact(backend)))
            except BackendError as error:
                if asked:
                    raise
                note(f"{target.name} is not measured on {name}: {error}")
    if not jobs:
        raise BackendError("no backend can run it", where=", ".join(target.name for target in targets))
    return jobs


def _available(asked: Sequence[str] | None, threads: int, note: Callable[[str], None]) -> dict[str, Backend]:
    """The backends asked for, by name; when none is, those that are available."""
    backends: dict[str, Backend] = {}
    for name in asked or BACKENDS:
        try:
            backends[name] = load_backend(name, threads)
        except BackendError as error:
            if asked:
                raise
            note(f"not measured on {name}: {error.why}")
    return backends


def measure(jobs: Sequence[Job], hw: tuple[int, int], repeats: int, progress: Callable[[int], None]) -> list[Timings]:
    """Run all jobs on one image of noise, `WARM_UP` + `repeats` rounds.

    Args:
        jobs: of targets with one interface.
        hw: size of the image, pixels.
        repeats: rounds that are counted, at least 1.
        progress: called after each round with the number done.

    Raises:
        BackendError: Polygraphy is not installed, or an engine fails.
    """
    try:
        from slsc.jobs.profile.latency import interleave
        from slsc.jobs.profile.runners import BackendRunner
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "polygraphy":
            raise
        raise BackendError("profiling needs Polygraphy", hint="pip install 'slsc[profile]'") from error
    target = jobs[0].target
    with ExitStack() as stack:
        for job in jobs:
            stack.callback(job.backend.close)
        runners = [
            stack.enter_context(
                BackendRunner(job.backend, job.artefact, target.channels, f"{job.target.name} {job.backend.name}")
            )
            for job in jobs
        ]
        return interleave(runners, noise(target, hw), WARM_UP, repeats, progress)


def trace(job: Job, hw: tuple[int, int], repeats: int) -> list[NodeTimes] | None:
    """What each node takes of a job whose backend tells, in runs of its own on the same image; None of others.

    Raises:
        BackendError: the engine fails, or there is nothing to be told.
    """
    if not isinstance(job.backend, Traceable):
        return None
    return job.backend.trace(job.artefact, noise(job.target, hw), WARM_UP, repeats)


def noise(target: Target, hw: tuple[int, int]) -> Batch:
    """An image to measure on, in the network's range."""
    unit = np.random.default_rng(0).random((1, target.channels, *hw), np.float32)
    return target.values.from_unit(unit)

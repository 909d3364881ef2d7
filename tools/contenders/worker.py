"""A contender in a process of its own, so that no thread pool, allocator or fault of one touches another."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from slsc.errors import BackendError
from slsc.tools.contenders import contender
from slsc.tools.contenders.base import Image, Restore


@dataclass(frozen=True)
class Job:
    """What a worker holds: contender `name` with `file`, made by its `convert`, ready for `image` on `threads`."""

    name: str
    file: Path
    image: Image
    threads: int


class Worker:
    """The parent's end of one worker process, which is idle but for the calls below. Use it as a context manager.

    Raises:
        BackendError: the process ends or the contender fails, here or in any call.
    """

    def __init__(self, job: Job) -> None:
        context = multiprocessing.get_context("spawn")
        self._name = job.name
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(job, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.join()

    def output(self) -> Image:
        """Run once, and return what it computed."""
        image: Image = self._ask("output")
        return image

    def seconds(self) -> float:
        """Run once, and return the wall-clock time."""
        return float(self._ask("seconds"))

    def peak_bytes(self) -> int:
        """The most the whole process has had resident so far, interpreter and engine included."""
        return int(self._ask("peak_bytes"))

    def _ask(self, question: str) -> Any:
        try:
            self._pipe.send(question)
            answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            self._process.join()
            why = f"its process ended with {self._process.exitcode}"
            raise BackendError(f"{self._name} failed", why=why) from error
        if isinstance(answer, _Failure):
            raise BackendError(f"{self._name} failed", why=answer.message)
        return answer


@dataclass(frozen=True)
class _Failure:
    message: str


def _serve(job: Job, pipe: Connection) -> None:
    """Answer the parent until it closes the pipe."""
    try:
        restore = contender(job.name).load(job.file, job.image.shape[2:], job.threads)
        answers: dict[str, Callable[[], Any]] = {
            "output": lambda: restore(job.image),
            "seconds": lambda: _timed(restore, job.image),
            "peak_bytes": peak_bytes,
        }
        while True:
            pipe.send(answers[pipe.recv()]())
    except (EOFError, BrokenPipeError):
        return
    except Exception as error:  # whatever an engine raises is the parent's to report
        pipe.send(_Failure(f"{type(error).__name__}: {error}"))


def _timed(restore: Restore, image: Image) -> float:
    begun = time.perf_counter()
    restore(image)
    return time.perf_counter() - begun


def peak_bytes() -> int:
    """Peak resident set of this process since it began to run its program.

    Not `getrusage`, whose figure a process inherits from the one it was forked from.
    """
    status = Path("/proc/self/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return 1024 * int(peak.split()[1])

"""Running one piece of work in all processes of a training run."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from lightning_fabric import Fabric
from torch.multiprocessing.spawn import ProcessException

from slsc.errors import SlscError
from slsc.trainer.fabric import make_fabric
from slsc.trainer.settings import TrainSettings

Result = TypeVar("Result")


def launch(settings: TrainSettings, work: Callable[..., Result], *args: Any) -> Result:
    """Call `work(fabric, *args)` in every process of a run; the result of the first one.

    A single process is this one. Several are spawned: `work` must be importable, and `args` and the result be
    pickled, the result small and without tensors. Signals to stop are passed on to them.

    Raises:
        SlscError: what `work` raised in one of the processes.
    """
    fabric = make_fabric(settings)
    if settings.devices == 1:
        fabric.launch()
        return work(fabric, *args)
    # DDP's remark that unused parameters cost time; recipes freeze some on the way. Read when a child imports torch.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    with tempfile.TemporaryDirectory() as folder, _signals_passed_on() as told:
        try:
            sealed = fabric.launch(_Call(work, args, Path(folder)))
        except ProcessException as failure:
            # Told before training began, a process had nothing to save and no last words.
            raise (_first_error(Path(folder)) or (KeyboardInterrupt() if told.is_set() else failure)) from None
        result: Result = sealed.value
        return result


class _Sealed(Generic[Result]):
    """A result that Fabric does not look into for tensors to move; it refuses frozen dataclasses."""

    def __init__(self, value: Result) -> None:
        self.value = value


class _Call(Generic[Result]):
    """The work in a spawned process, sealed likewise. Errors leave the process through a file in `folder`."""

    def __init__(self, work: Callable[..., Result], args: tuple[Any, ...], folder: Path) -> None:
        self._work, self._args, self._folder = work, args, folder

    def __call__(self, fabric: Fabric) -> _Sealed[Result]:
        try:
            return _Sealed(self._work(fabric, *self._args))
        except SlscError as error:
            (self._folder / str(fabric.global_rank)).write_bytes(pickle.dumps(error))
            raise
        finally:
            torch.distributed.destroy_process_group()


def _first_error(folder: Path) -> SlscError | None:
    for path in sorted(folder.iterdir()):
        error: SlscError = pickle.loads(path.read_bytes())
        return error
    return None


@contextlib.contextmanager
def _signals_passed_on() -> Iterator[threading.Event]:
    """Turn SIGINT and SIGTERM into SIGTERM for the children, which then save their state and end; set when it was."""
    told = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield told
        return

    def tell(*_: object) -> None:
        told.set()
        for child in multiprocessing.active_children():
            child.terminate()

    previous = {number: signal.signal(number, tell) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)

"""In a forked process a session says that it belongs to another, instead of waiting for threads that are not there."""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Callable

import numpy as np
import pytest

from slsc.errors import UsageError
from slsc.runtime.backends.library import library_path
from slsc.runtime.backends.native import NativeRunner
from slsc.runtime.process_lock import ProcessLock
from slsc.runtime.session import Session

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

IMAGE = np.zeros((300, 400, 3), np.uint8)


def in_a_fork(work: Callable[[], None]) -> int:
    """Exit code of a child process that does `work`, 99 where it takes for ever; 1 if it raised."""
    child = os.fork()
    if child == 0:
        threading.Thread(target=_give_up, daemon=True).start()
        try:
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _give_up() -> None:
    threading.Event().wait(60)
    os._exit(99)


def test_a_lock_that_another_thread_held_raises_in_a_fork() -> None:
    lock = ProcessLock("the thing")

    def use() -> None:
        assert lock.forked
        with pytest.raises(UsageError, match="the thing belongs to another process"), lock:
            pass

    with lock:
        assert in_a_fork(use) == 0
    with lock:
        assert not lock.forked


def restored_beside_a_fork(restore: Callable[[], object], close: Callable[[], None], anew: Callable[[], None]) -> None:
    """Fork while a thread restores: the child is refused, closes what it has, and does well with what it opens anew."""

    def child() -> None:
        with pytest.raises(UsageError, match="belongs to another process"):
            restore()
        close()
        anew()

    busy = threading.Thread(target=restore)
    busy.start()
    try:
        assert in_a_fork(child) == 0
    finally:
        busy.join()
    restore()
    close()


def test_a_session_in_a_fork_while_a_thread_restores(make_bundle) -> None:
    path = make_bundle()
    session = Session(path, backend="onnxruntime", threads=2)

    def anew() -> None:
        with Session(path, backend="onnxruntime", threads=2) as own:
            own.restore(IMAGE[:9, :13])

    restored_beside_a_fork(lambda: session.restore(IMAGE), session.close, anew)


@pytest.mark.skipif(library_path() is None, reason="the native library was not built")
def test_an_engine_in_a_fork_while_a_thread_restores(tiny) -> None:
    onnx = pytest.importorskip("onnx")
    from slsc.passes.lowering import lower

    plan = lower(onnx.load_from_string(tiny.sr_network(width=4, layers=1)), None)
    runner, batch = NativeRunner(plan, 2), np.zeros((1, 3, 300, 400), np.float32)

    def anew() -> None:
        own = NativeRunner(plan, 2)
        own.run(batch[:, :, :9, :13])
        own.close()

    restored_beside_a_fork(lambda: runner.run(batch), runner.close, anew)

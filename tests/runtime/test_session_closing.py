"""A session that is closed: says so, and has given everything back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from slsc.errors import DataError, UsageError
from slsc.runtime import Session

MakeBundle = Callable[..., Path]
DESCRIPTORS = Path("/proc/self/fd")


def noise(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(11).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


def test_a_closed_session_says_so(make_bundle: MakeBundle, tmp_path: Path) -> None:
    with Session(make_bundle()) as session:
        assert session.restore(noise(8, 9, 3)).shape == (16, 18, 3)
    session.close()
    Image.fromarray(noise(8, 9, 3)).save(tmp_path / "in.png")
    for use in (
        lambda: session.restore(noise(8, 9, 3)),
        lambda: session.restore_tensor(np.zeros((1, 3, 8, 9), np.float32)),
        lambda: session.restore_file(tmp_path / "in.png", tmp_path / "out.png"),
        lambda: session.configure(tile=8),
        lambda: session.configure(threads=1),
    ):
        with pytest.raises(UsageError, match="session is closed"):
            use()
    assert not (tmp_path / "out.png").exists()
    assert (session.engine.name, session.backend, session.manifest.io.scale) == ("1-8", "onnxruntime", 2)


def test_a_session_is_closed_whatever_happens_inside(make_bundle: MakeBundle) -> None:
    with pytest.raises(DataError), Session(make_bundle()) as session:
        session.restore(noise(4))
    with pytest.raises(UsageError, match="closed"):
        session.restore(noise(4, 4, 3))


@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="no /proc")
def test_opened_and_closed_again_and_again_it_leaves_neither_descriptors_nor_threads(make_bundle: MakeBundle) -> None:
    def cycle() -> tuple[int, int]:
        with Session(path, threads=2) as session:
            session.restore(noise(8, 9, 3))
        return len(list(DESCRIPTORS.iterdir())), threading.active_count()

    path = make_bundle()
    first = cycle()
    assert {cycle() for _ in range(20)} == {first}

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from slsc.errors import UsageError
from slsc.runtime.atomic import staged


def test_replaces_only_when_all_went_well(tmp_path: Path) -> None:
    path = tmp_path / "out.bin"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), staged(path) as (file, _):
        file.write(b"half")
        raise KeyboardInterrupt
    assert [p.name for p in tmp_path.iterdir()] == ["out.bin"]
    assert path.read_bytes() == b"old"
    with staged(path) as (file, readable):
        file.write(b"new")
        file.flush()
        assert readable.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["out.bin"]
    assert path.read_bytes() == b"new"


def test_follows_the_umask(tmp_path: Path) -> None:
    previous = os.umask(0o027)
    try:
        with staged(tmp_path / "out.bin") as (file, _):
            file.write(b"x")
    finally:
        os.umask(previous)
    assert (tmp_path / "out.bin").stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="needs nameless files")
def test_a_killed_process_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys, time\n"
        "from slsc.runtime.atomic import staged\n"
        "with staged(pathlib.Path(sys.argv[1])) as (file, _):\n"
        "    file.write(b'x' * 10**6)\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "out.bin")], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert not list(tmp_path.iterdir())


def test_refuses_folders(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none" / "out.bin"):
        with pytest.raises(UsageError), staged(path):
            pass

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from slsc.errors import UsageError
from slsc.runtime.atomic import require_other, staged


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


def write(path: Path, data: bytes) -> None:
    with staged(path) as (file, _):
        file.write(data)


def test_a_replaced_file_leaves_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "out.bin"
    path.write_bytes(b"old")
    for mode in (0o600, 0o664):
        path.chmod(mode)
        write(path, b"new")
        assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", mode)


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    for name in ("kept", "links"):
        (tmp_path / name).mkdir()
    (tmp_path / "kept" / "real.bin").write_bytes(b"old")
    (tmp_path / "kept" / "real.bin").chmod(0o640)
    (tmp_path / "links" / "a").symlink_to("../kept/real.bin")
    (tmp_path / "links" / "b").symlink_to("a")
    (tmp_path / "links" / "c").symlink_to(tmp_path / "kept" / "fresh.bin")
    write(tmp_path / "links" / "b", b"new")
    write(tmp_path / "links" / "c", b"first")
    assert (tmp_path / "kept" / "real.bin").read_bytes() == b"new"
    assert (tmp_path / "kept" / "real.bin").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "kept" / "fresh.bin").read_bytes() == b"first"
    assert all(link.is_symlink() for link in (tmp_path / "links").iterdir())


def test_what_is_no_file_is_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "device").symlink_to("/dev/null")
    for name in ("pipe", "round", "device"):
        with pytest.raises(UsageError, match="cannot be written"):
            write(tmp_path / name, b"x")
    assert (tmp_path / "pipe").is_fifo() and (tmp_path / "device").is_symlink() and Path("/dev/null").is_char_device()


def test_a_source_is_known_by_every_name(tmp_path: Path) -> None:
    source = tmp_path / "net.onnx"
    source.write_bytes(b"x")
    (tmp_path / "hard").hardlink_to(source)
    (tmp_path / "soft").symlink_to(source)
    for target in (source, tmp_path / "hard", tmp_path / "soft", tmp_path / "." / "net.onnx"):
        with pytest.raises(UsageError, match="replace its own source"):
            require_other(target, None, tmp_path / "none", source)
    require_other(tmp_path / "other", source)
    require_other(source, None)

"""Writing a file so that it is there whole or not at all, even if the process is killed or the disk is full."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from slsc.errors import StorageError, UsageError
from slsc.runtime.regular_file import require_regular

OUT_OF_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
MAX_SHOWN = 200
"""Characters of a path that errors quote."""
OPEN_FILES = Path("/proc/self/fd")


@contextlib.contextmanager
def staged(path: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Give a file to write and a path to read it back by; on leaving without an error it becomes `path`.

    On Linux the file has no name until it is complete, so that a killed process leaves nothing behind. Elsewhere it is
    a hidden file beside `path`, removed on any error. A file that is replaced leaves its mode behind; where `path` is a
    symbolic link, what it leads to is replaced, and the link stays.

    Raises:
        UsageError: the folder does not exist or cannot be written, or `path` is there and no regular file.
        StorageError: the disk is full.
    """
    if path.is_dir():
        raise UsageError("this is a folder", where=str(path), hint="name a file: -o FILE")
    with _reported(path):
        path, mode = _destination(path)
        descriptor, name = _open_stage(path)
        try:
            with os.fdopen(descriptor, "w+b") as stream:
                if mode is not None and hasattr(os, "fchmod"):
                    os.fchmod(descriptor, mode)
                yield stream, name or OPEN_FILES / str(descriptor)
                stream.flush()
                os.fsync(descriptor)
                name = name or _link(descriptor, path)
            name.replace(path)
            name = None
        finally:
            if name is not None:
                name.unlink(missing_ok=True)
        _sync_folder(path.parent)


def require_name(path: Path) -> None:
    """Refuse, before long work, a path that no file can have here: too long for the file system, or of odd characters.

    Raises:
        UsageError: there can be no such file.
    """
    try:
        path.lstat()
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        shown = str(path) if len(str(path)) <= MAX_SHOWN else f"{str(path)[:MAX_SHOWN]}..."
        raise UsageError("no file can be written there", where=shown, why=why, hint="choose another with -o") from None


def require_other(target: Path, *sources: Path | None) -> None:
    """Refuse to replace what is read, by whatever name or link.

    Args:
        target: the file to be written.
        sources: the files read; None stands for one that was not given.

    Raises:
        UsageError: the target is one of the sources.
    """
    for source in sources:
        with contextlib.suppress(OSError, ValueError):  # what cannot be looked at is not there, and told of on opening
            if source is not None and target.samefile(source):
                raise UsageError(
                    "the output would replace its own source", where=str(target), hint="name another output"
                )


def _destination(path: Path) -> tuple[Path, int | None]:
    """The file that links lead to, and its mode, None where it is not there yet.

    Raises:
        OSError: the links go round in a circle, or there is something else than a file.
    """
    if path.is_symlink():
        try:
            path = path.resolve()
        except RuntimeError:  # how Python before 3.13 says it
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from None
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return path, None
    require_regular(path)
    return path, mode


def _open_stage(path: Path) -> tuple[int, Path | None]:
    """A descriptor open for reading and writing, and the file's name, None while it has none."""
    nameless = getattr(os, "O_TMPFILE", None)
    if nameless is not None and OPEN_FILES.is_dir():
        with contextlib.suppress(OSError):  # not every file system has nameless files
            return os.open(path.parent, nameless | os.O_RDWR, 0o666), None
    name = _stage_name(path)
    return os.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_BINARY", 0), 0o666), name


def _link(descriptor: int, path: Path) -> Path:
    """Give a nameless file a name beside `path`; linking cannot replace an existing file, renaming can."""
    name = _stage_name(path)
    # With a directory descriptor Python calls linkat with AT_SYMLINK_FOLLOW, without one link(2), which would link the
    # symbolic link in /proc. The descriptor itself is ignored, both paths being absolute.
    os.link(OPEN_FILES / str(descriptor), name.absolute(), src_dir_fd=descriptor)
    return name


def _stage_name(path: Path) -> Path:
    # Without the name, which may be as long as the file system takes.
    return path.with_name(f".{secrets.token_hex(12)}.part")


def _sync_folder(folder: Path) -> None:
    """Make the rename durable, where folders can be synced."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _reported(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        if error.errno in OUT_OF_SPACE:
            raise StorageError("no space left for the file", where=str(path), why=why, hint="free some space") from None
        raise UsageError(
            "the file cannot be written", where=str(path), why=why, hint="choose another with -o"
        ) from None

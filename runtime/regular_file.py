"""What is read must be a file: a pipe waits for its writer for ever, and a device may have no end."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def require_regular(path: Path) -> None:
    """Refuse a path that is there, or that its links lead to, and is no regular file.

    Looked at before it is opened, since opening a device or a pipe may already do something.

    Raises:
        OSError: its `strerror` says what is there instead, or why it cannot be looked at.
        ValueError: the path holds a NUL character.
    """
    kind = stat.S_IFMT(path.stat().st_mode)
    if kind != stat.S_IFREG:
        found = KINDS.get(kind, "something else")
        raise OSError(errno.EINVAL, f"it is {found}, not a regular file", str(path))

"""A photo from stdin, its restoration to stdout, by way of files: decoders seek, and a failure must write nothing."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import BinaryIO

from slsc.errors import DataError, UsageError

STREAM = Path("-")
"""Stands for stdin and stdout."""

MAX_INPUT = 4 << 30
COPIED_BYTES = 1 << 20


def receive(folder: Path) -> Path:
    """Everything that comes from stdin, as a file in a folder.

    Raises:
        UsageError: stdin is a terminal.
        DataError: nothing comes, or more than `MAX_INPUT` bytes.
    """
    if sys.stdin.isatty():
        raise UsageError("stdin is a terminal, no photo", hint="slsc run BUNDLE - -o OUT < PHOTO")
    path, size = folder / "stdin", 0
    with path.open("wb") as file:
        while data := sys.stdin.buffer.read(COPIED_BYTES):
            size += len(data)
            if size > MAX_INPUT:
                raise DataError("cannot use the image", where="stdin", why=f"it is larger than {MAX_INPUT >> 30} GiB")
            file.write(data)
    if not size:
        raise DataError("cannot use the image", where="stdin", why="nothing came")
    return path


def require_binary_stdout() -> None:
    """Refuse to print an image on a terminal.

    Raises:
        UsageError: stdout is a terminal.
    """
    if sys.stdout.isatty():
        raise UsageError("stdout is a terminal, which cannot show the image", hint="slsc run BUNDLE PHOTO -o - > OUT")


def send(path: Path) -> None:
    """A file's content to stdout."""
    stream: BinaryIO = sys.stdout.buffer
    with path.open("rb") as file:
        shutil.copyfileobj(file, stream, COPIED_BYTES)
    stream.flush()

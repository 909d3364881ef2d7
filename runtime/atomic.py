"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from slsc.errors import DataError


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A binary file which takes the place of `path` when the block ends well, and is removed when it does not.

    The temporary file lies in the same folder, so that the final rename is atomic; a killed process leaves at most
    a hidden `.part` file, never half a file under the wanted name.

    Raises:
        DataError: the folder does not exist, or `path` is a folder.
        OSError: what the system says while writing.
    """
    if not path.parent.is_dir():
        raise DataError(
            "cannot write", where=str(path), why="the folder does not exist", hint=f"mkdir -p {path.parent}"
        )
    if path.is_dir():
        raise DataError("cannot write", where=str(path), why="it is a folder", hint="name a file")
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise

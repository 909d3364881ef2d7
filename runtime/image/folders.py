"""Photos of a folder."""

from __future__ import annotations

from pathlib import Path

from slsc.errors import DataError
from slsc.runtime.image.photo import EXTENSIONS


def list_photos(folder: str | Path, *, recursive: bool = False) -> list[Path]:
    """The photos of a folder, by extension, sorted by path. Hidden ones are left out.

    Args:
        folder: to be looked through.
        recursive: its sub-folders too, whatever their depth; links to folders are not followed.

    Raises:
        DataError: the folder cannot be read, or holds no photo.
    """
    folder = Path(folder)
    try:
        paths = sorted(_photos(folder, recursive))
    except OSError as error:
        raise DataError("cannot read the folder", where=str(error.filename or folder), why=error.strerror) from None
    if not paths:
        hint = (
            "" if recursive or not any(entry.is_dir() for entry in folder.iterdir()) else "; --recursive enters folders"
        )
        raise DataError(
            "the folder holds no photo", where=str(folder), hint=f"looked for {', '.join(EXTENSIONS)}{hint}"
        )
    return paths


def _photos(folder: Path, recursive: bool) -> list[Path]:
    found, waiting = [], [folder]
    while waiting:
        for entry in waiting.pop().iterdir():
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                if recursive and not entry.is_symlink():
                    waiting.append(entry)
            elif entry.suffix.lower() in EXTENSIONS and entry.is_file():
                found.append(entry)
    return found

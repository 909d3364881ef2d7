"""Which file every photo becomes, found out before the work begins."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from slsc.errors import UsageError
from slsc.jobs.run.naming import Naming
from slsc.runtime.image.folders import list_photos
from slsc.runtime.image.photo_writer import format_of

NAME_BYTES, PATH_BYTES = 255, 4095
"""Assumed where the system does not tell how long names and paths may be."""


@dataclass(frozen=True)
class Task:
    """A photo and the file it becomes; `why_not` says why it is left out, "" that its output is there already."""

    source: Path
    target: Path
    why_not: str | None = None


def tasks(source: Path, output: Path, naming: Naming) -> list[Task]:
    """What is to be done for a photo, or for the photos of a folder in the order of their paths.

    Raises:
        DataError: the folder is unusable.
        UsageError: the output cannot be that of this source.
    """
    if source.is_dir():
        if output.exists() and not output.is_dir():
            raise UsageError("the output of a folder must be a folder", where=str(output), hint="-o FOLDER")
        return _of_folder(source, output, naming)
    if naming.recursive:
        raise UsageError("--recursive goes with a folder", where=str(source))
    if output.is_dir():
        output = output / naming.of(source)
    elif naming.suffix:
        raise UsageError("--suffix goes with a folder as output", where=str(output), hint="-o FOLDER")
    elif naming.format and format_of(output) != format_of(Path(f"x.{naming.format}")):
        raise UsageError(f"--format {naming.format} and the output's name differ", where=str(output))
    if why := _too_long(output):
        raise UsageError("the output cannot be written", where=str(output), why=why, hint="choose another with -o")
    return [Task(source, output, "" if naming.skip_existing and output.exists() else None)]


def _of_folder(source: Path, output: Path, naming: Naming) -> list[Task]:
    photos = [path for path in list_photos(source, recursive=naming.recursive) if not _is_output(path, source, output)]
    made = [Task(path, output / path.relative_to(source).parent / naming.of(path)) for path in photos]
    rivals = defaultdict(list)
    for task in made:
        rivals[_unified(task.target)].append(task)
    identities = _identities(photos)
    return [_judged(task, rivals[_unified(task.target)], identities, naming, source) for task in made]


def _judged(
    task: Task, rivals: Sequence[Task], identities: dict[tuple[int, int], Path], naming: Naming, folder: Path
) -> Task:
    """The task with the reason to leave it out, where there is one."""
    why = None
    if len(rivals) > 1:
        names = [str(rival.source.relative_to(folder)) for rival in rivals]
        same = "" if len({rival.target for rival in rivals}) == 1 else ", where upper and lower case are the same"
        why = f"{' and '.join(names)} would both become {task.target.name}{same}; rename one of them"
    else:
        why = _too_long(task.target)
    if why is None and task.target.exists():
        replaced = identities.get(_identity(task.target))
        if replaced:
            why = f"its output would replace {'the photo itself' if replaced == task.source else replaced}"
        elif naming.skip_existing:
            why = ""
    return Task(task.source, task.target, why)


def _is_output(photo: Path, source: Path, output: Path) -> bool:
    """Whether a photo lies in an output folder inside the source, as the results of an earlier run do."""
    inside = output.resolve()
    return inside != source.resolve() and photo.resolve().is_relative_to(inside)


def _unified(path: Path) -> str:
    """What file systems that do not tell case or the form of accents apart take a path for."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _identities(paths: Iterable[Path]) -> dict[tuple[int, int], Path]:
    return {_identity(path): path for path in paths}


def _too_long(path: Path) -> str | None:
    """That the file system takes no name, or no path, of this length."""
    folder = path.absolute().parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if longest := max((len(os.fsencode(part)) for part in path.parts), default=0):
        most = _limit(folder, "PC_NAME_MAX", NAME_BYTES)
        if longest > most:
            return f"a name of {longest} bytes is too long, the file system takes {most}"
    length, most = len(os.fsencode(path.absolute())), _limit(folder, "PC_PATH_MAX", PATH_BYTES)
    return f"a path of {length} bytes is too long, the system takes {most}" if length > most else None


def _limit(folder: Path, name: str, otherwise: int) -> int:
    try:
        most = os.pathconf(folder, name)
    except (AttributeError, ValueError, OSError):
        return otherwise
    return most if most > 0 else otherwise

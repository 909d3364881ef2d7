"""Weights in files beside the model: read where that is harmless, refused elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath

from onnx import TensorProto

from slsc.errors import ModelError

MAX_SHOWN = 80
"""Characters of an external file's name that errors quote."""


def read_external_data(tensors: Iterable[TensorProto], folder: Path, most: int) -> None:
    """Load external tensors, after checking that each names a part of a file inside `folder`.

    Args:
        tensors: of a model; those that hold their own values are left alone.
        folder: the model's.
        most: bytes that all of them may take together.

    Raises:
        ModelError: the data is missing, short, too large, or outside the folder, by links too.
    """
    total = 0
    for tensor in tensors:
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        fields = {entry.key: entry.value for entry in tensor.external_data}
        if not all(isinstance(value, str) for value in fields.values()):
            raise ModelError("the external data is described in what is not UTF-8", where=tensor.name)
        file = _external_file(fields.get("location", ""), folder, tensor.name)
        offset, length = _external_range(fields, file, tensor.name)
        total += length
        if total > most:
            raise ModelError("the external data is too large", where=tensor.name, why=f"over {most} bytes")
        with file.open("rb") as stream:
            stream.seek(offset)
            tensor.raw_data = stream.read(length)
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]


def _external_file(location: str, folder: Path, name: str) -> Path:
    # Windows paths are looked at on every system: the model may come from one, or be made to attack one.
    parts = (*PurePosixPath(location).parts, *PureWindowsPath(location).parts)
    absolute = PurePosixPath(location).is_absolute() or PureWindowsPath(location).anchor
    file, shown = folder / location, repr(location[:MAX_SHOWN])
    try:
        inside = file.resolve().is_relative_to(folder.resolve())
        exists = file.is_file()
    except (OSError, ValueError, RuntimeError) as error:  # too long a name, a NUL character, links in a circle
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise ModelError(f"external data at {shown} cannot be looked for", where=name, why=why) from None
    if not location or absolute or ".." in parts or not inside:
        raise ModelError(
            f"external data at {shown} lies outside the model's folder",
            where=name,
            why="a model may only read files beside it",
            hint="save the model again with its data file in the same folder",
        )
    if not exists:
        raise ModelError(f"external data file {shown} is missing", where=name, hint="put it beside the model")
    if file.stat().st_nlink > 1:
        raise ModelError(
            f"external data file {shown} has other names",
            where=name,
            why="through a hard link a model may read what lies elsewhere",
            hint="put a copy of it in its place",
        )
    return file


def _external_range(fields: dict[str, str], file: Path, name: str) -> tuple[int, int]:
    size = file.stat().st_size
    try:
        offset = int(fields.get("offset", 0))
        length = int(fields.get("length", size - offset))
    except ValueError:
        raise ModelError("offset or length of the external data is no number", where=name) from None
    if offset < 0 or length < 0 or offset + length > size:
        raise ModelError(
            f"external data file {file.name!r} is too short",
            where=name,
            why=f"it has {size} bytes, bytes {offset} to {offset + length} are asked for",
            hint="copy it again, whole, from where the model comes from",
        )
    return offset, length

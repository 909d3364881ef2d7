"""Built engines on disk. An engine runs on the device, library and release it was built for, and on no other.

Each is a file beside a JSON file that says what it is. One that is not what is asked for is never handed out.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from slsc.runtime.atomic import staged

FOLDER_VARIABLE = "SLSC_ENGINE_CACHE"
MAX_DESCRIPTION = 4096


@dataclass(frozen=True)
class EngineKey:
    """What an engine was built from and for.

    Attributes:
        model: SHA-256 of the ONNX file, in hex.
        library: name of the backend.
        version: release of the library.
        device: what it runs on: an architecture, and the name of the GPU where it was measured on one.
        shapes: sizes it takes, as `Shapes` shows itself.
    """

    model: str
    library: str
    version: str
    device: str
    shapes: str

    @property
    def stem(self) -> str:
        """Name of its files."""
        words = (self.model[:16], self.library, self.version, self.device, self.shapes)
        return re.sub(r"[^A-Za-z0-9.-]+", "_", "-".join(words))


def default_folder() -> Path:
    """$SLSC_ENGINE_CACHE, else `slsc/engines` in the user's folder for caches."""
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return Path(chosen)
    base = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "slsc" / "engines"


class EngineCache:
    """A folder of engines; it is made when the first is stored.

    Args:
        folder: see above.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, key: EngineKey) -> bytes | None:
        """The engine of a key; None where there is none, or its files are damaged or of something else."""
        described = _described(self.folder / f"{key.stem}.json")
        if described is None or described[0] != key:
            return None
        try:
            data = self.engine_path(key).read_bytes()
        except OSError:
            return None
        return data if hashlib.sha256(data).hexdigest() == described[1] else None

    def store(self, key: EngineKey, engine: bytes) -> Path:
        """Keep an engine, and return the file's path.

        Raises:
            UsageError, ResourceError: the folder cannot be written, or the disk is full.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.engine_path(key)
        with staged(path) as (stream, _):
            stream.write(engine)
        description = {**asdict(key), "sha256": hashlib.sha256(engine).hexdigest()}
        with staged(path.with_suffix(".json")) as (stream, _):
            stream.write(json.dumps(description, indent=1).encode())
        return path

    def engine_path(self, key: EngineKey) -> Path:
        """The file of a key's engine, whether it is there or not."""
        return self.folder / f"{key.stem}.engine"

    def foreign(self, key: EngineKey) -> Iterator[EngineKey]:
        """Keys of engines of the same network that were built by something else or for something else."""
        for path in sorted(self.folder.glob(f"{key.model[:16]}-*.json")):
            described = _described(path)
            if described and described[0].model == key.model and described[0] != key:
                yield described[0]


def _described(path: Path) -> tuple[EngineKey, str] | None:
    """The key and the engine's SHA-256 that a JSON file names; None where it is unusable."""
    try:
        if path.stat().st_size > MAX_DESCRIPTION:
            return None
        fields: Any = json.loads(path.read_bytes())
        checksum = fields.pop("sha256")
        key = EngineKey(**fields)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return (key, checksum) if all(isinstance(value, str) for value in (checksum, *asdict(key).values())) else None

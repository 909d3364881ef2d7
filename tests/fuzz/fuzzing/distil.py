"""The smallest input for each answer of a reader: `python -m fuzzing.distil KIND FROM TO` keeps a corpus small."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

from fuzzing.readers import READERS
from slsc.errors import SlscError

MOST_BYTES = 60_000


def answer(kind: str, path: Path) -> str:
    """What a reader says of a file, numbers and names left out."""
    try:
        READERS[kind](path)
    except SlscError as error:
        text = f"{type(error).__name__} {error.what} {error.why}"
        return re.sub(r"'[^']*'|\"[^\"]*\"|-?\d[\d.e+]*", "_", text)
    return "read"


def distil(kind: str, sources: list[Path], most_bytes: int = MOST_BYTES) -> list[bytes]:
    """The smallest input for each answer, the smallest first, up to `most_bytes` in all."""
    smallest: dict[str, bytes] = {}
    for path in sorted(sources, key=lambda path: (path.stat().st_size, path.name)):
        smallest.setdefault(answer(kind, path), path.read_bytes())
    kept: list[bytes] = []
    for data in smallest.values():
        if sum(map(len, kept)) + len(data) <= most_bytes:
            kept.append(data)
    return kept


if __name__ == "__main__":
    kind, source, target = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    target.mkdir(parents=True, exist_ok=True)
    for data in distil(kind, [path for path in source.iterdir() if path.is_file()]):
        (target / hashlib.sha1(data).hexdigest()[:12]).write_bytes(data)

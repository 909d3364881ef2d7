"""What TensorRT says while it builds: which layers can use and do use sparse tactics, and what it lacked memory for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

FOUND = re.compile(
    r"\(Sparsity\) (?:Layers eligible for sparse math:\s*(?P<names>.*)"
    r"|Found (?P<count>\d+) layer\(s\) eligible to use sparse tactics(?::\s*(?P<listed>.*))?)"
)
CHOSE = re.compile(
    r"\(Sparsity\) (?:TRT inference plan picked sparse implementation for layers:\s*(?P<names>.*)"
    r"|Chose (?P<count>\d+) layer\(s\) using sparse tactics(?::\s*(?P<listed>.*))?)"
)
"""Both generations of wording: of TensorRT 8, and of 10 and later, which lists names in verbose messages only."""

NO_MEMORY = re.compile(r"insufficient memory|out of memory|OutOfMemory|Skipping tactic .* memory", re.IGNORECASE)

FUSED = " + "
"""Joins the names of layers that TensorRT made one."""


@dataclass(frozen=True)
class SparseLayers:
    """How many layers, and which where the log lists them; a fused one counts once, and lists all its parts."""

    count: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class BuildLog:
    """A build's messages, read.

    Attributes:
        found: layers that can use sparse tactics; None where the log does not tell.
        chosen: layers that do.
        dropped: messages of tactics that were dropped for lack of memory: the engine may be slower than need be.
        errors: messages of severity error and above.
    """

    found: SparseLayers | None
    chosen: SparseLayers | None
    dropped: tuple[str, ...]
    errors: tuple[str, ...]


def read_log(lines: Iterable[tuple[bool, str]]) -> BuildLog:
    """Read the messages of a build, each with whether it is an error.

    TensorRT counts once a pass of its tactic selection: the last count holds.
    """
    found = chosen = None
    dropped, errors = [], []
    for is_error, text in lines:
        found = _layers(FOUND, text) or found
        chosen = _layers(CHOSE, text) or chosen
        if NO_MEMORY.search(text):
            dropped.append(text)
        elif is_error:
            errors.append(text)
    return BuildLog(found, chosen, tuple(dropped), tuple(errors))


def _layers(pattern: re.Pattern[str], text: str) -> SparseLayers | None:
    match = pattern.search(text)
    if match is None:
        return None
    listed = [name.strip() for name in (match["names"] or match["listed"] or "").split(",") if name.strip()]
    parts = tuple(part.strip() for name in listed for part in name.split(FUSED))
    return SparseLayers(len(listed) if match["count"] is None else int(match["count"]), parts)

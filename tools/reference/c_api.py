"""The page of the C API: the header's comments, each with what it describes."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import slsc.runtime
from slsc.errors import UsageError
from slsc.tools.reference.markdown import fenced, page, paragraph

HEADER = Path("native") / "include" / "slsc" / "native.h"

_COMMENT = re.compile(r"/\*(.*?)\*/", re.DOTALL)
_HEADING = re.compile(r"-{3,} (.*?) -{3,}")
_PREPROCESSOR = re.compile(r'^(#.*|extern "C" \{|\})$', re.MULTILINE)


def c_api_page() -> str:
    """The whole page."""
    return page("C API", _blocks(header_path().read_text()))


def header_path() -> Path:
    """Where the header was installed.

    Raises:
        UsageError: this slsc came without it.
    """
    for folder in slsc.runtime.__path__:
        if (Path(folder) / HEADER).is_file():
            return Path(folder) / HEADER
    raise UsageError("slsc/native.h is not there", where=str(HEADER), hint="install slsc again")


def _blocks(header: str) -> Iterator[str]:
    """The header's first comment, then every declaration behind what is said of it."""
    for part in re.split(r"\n\s*\n", _PREPROCESSOR.sub("", header).strip()):
        comment = _COMMENT.match(part)
        if comment:
            yield from _prose(comment.group(1))
            part = part[comment.end() :]
        if part.strip():
            yield fenced(part.strip(), "c")


def _prose(comment: str) -> Iterator[str]:
    """A comment without its stars: a heading `---- like this ----`, paragraphs, indented code."""
    text = re.sub(r"^ *\*(?: |$)", "", comment.strip(), flags=re.MULTILINE)
    heading = _HEADING.match(text)
    if heading:
        yield f"## {heading.group(1).capitalize()}"
        text = text[heading.end() :]
    for part in filter(str.strip, re.split(r"\n\s*\n", text)):
        if all(line.startswith("  ") for line in part.strip("\n").splitlines()):
            yield fenced(textwrap.dedent(part).strip(), "c")
        else:
            yield paragraph(part).replace("*", r"\*")

"""Markdown: pages out of blocks, and docstrings in Google's style as Markdown."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator

SECTIONS = {
    "Args": "Arguments",
    "Attributes": "Attributes",
    "Returns": "Returns",
    "Yields": "Yields",
    "Raises": "Raises",
}
"""Headings of sections in docstrings -> what the page calls them."""

_NOTE = "<!-- Written by `python -m slsc.tools.reference docs/reference` from the source; edit that. -->"


def page(title: str, blocks: Iterable[str]) -> str:
    """A whole generated page."""
    return "\n\n".join((_NOTE, f"# {title}", *filter(None, blocks))) + "\n"


def bullets(items: Iterable[str]) -> str:
    """A list, one item a line."""
    return "\n".join(f"- {item}" for item in items)


def fenced(code: str, language: str) -> str:
    """A block of code."""
    return f"```{language}\n{code}\n```"


def paragraph(text: str) -> str:
    """Text on one line, whatever its line breaks were."""
    return " ".join(text.split())


def from_docstring(docstring: str | None) -> list[str]:
    """Blocks of Markdown for a docstring: its paragraphs, its indented examples, its sections as lists."""
    blocks: list[str] = []
    for heading, text in _sections(inspect.cleandoc(docstring or "")):
        if heading is None:
            blocks += [_block(part) for part in text.split("\n\n") if part.strip()]
        else:
            blocks += [f"**{SECTIONS[heading]}**", bullets(_items(heading, text))]
    return blocks


def _block(text: str) -> str:
    code = all(line.startswith("    ") for line in text.splitlines() if line)
    if code:
        return fenced(textwrap.dedent(text), "text")
    if re.match(r"\s*(\d+\.|-) ", text):  # a list of rules
        return _list(text)
    return paragraph(text)


def _list(text: str) -> str:
    items = re.split(r"\n(?=\s*(?:\d+\.|-) )", text.strip("\n"))
    return "\n".join(paragraph(item) for item in items)


def _sections(text: str) -> Iterator[tuple[str | None, str]]:
    """(None, what comes first), then (heading, indented text) of each section."""
    parts = re.split(rf"^({'|'.join(SECTIONS)}):$", text, flags=re.MULTILINE)
    yield None, parts[0]
    for heading, body in zip(parts[1::2], parts[2::2], strict=True):
        yield heading, textwrap.dedent(body.strip("\n"))


def _items(heading: str, text: str) -> Iterator[str]:
    """`name: meaning` of a section, one each; what is returned has no name."""
    if heading in ("Returns", "Yields"):
        yield paragraph(text)
        return
    for entry in re.split(r"\n(?=\S)", text):
        name, colon, meaning = entry.partition(":")
        yield f"`{name}`: {paragraph(meaning)}" if colon else paragraph(entry)

"""Text out of files, made safe for a terminal."""

from __future__ import annotations

import unicodedata

UNSAFE = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode categories that act instead of showing: control characters (a terminal obeys them), format characters (some
turn the direction of the line), lone surrogates (no stream encodes them), separators of lines and paragraphs.
"""


def printable(text: str, keep: str = "") -> str:
    r"""The text with every unsafe character written as Python writes it, such as `\x1b`.

    Args:
        text: any text, such as a name that a file holds.
        keep: characters that stay as they are, such as the line ends of a report.
    """
    if text.isprintable():
        return text
    return "".join(char if char in keep or _is_safe(char) else _escaped(char) for char in text)


def _is_safe(char: str) -> bool:
    return unicodedata.category(char) not in UNSAFE


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")

"""What went wrong, out of ONNX Runtime's long messages: the node, and the sentences that say why."""

from __future__ import annotations

import re

LONGEST = 300
"""Characters kept."""

CODE = re.compile(r"\[ONNXRuntimeError\] : \d+ : \w+ : ")
NODE = re.compile(r"Non-zero status code returned while running (\S+) node\. Name:'(.*?)' Status Message: ")
SOURCE = re.compile(r"\S+\.(?:h|cc|cpp):\d+ (?:.*? was false\. |\w+ )?")
"""A place in ONNX Runtime's own source, with the condition that failed or the function."""

ADVICE = re.compile(r" ?Please fix either the inputs/outputs or the model\.?$")


def ort_reason(error: Exception) -> str:
    """The reason in an exception of ONNX Runtime, on one line of at most `LONGEST` characters."""
    text = CODE.sub("", " ".join(str(error).split()), count=1)
    where = ""
    if found := NODE.search(text):
        op, name = found.groups()
        where = f"{op} {name!r}: " if name else f"{op}: "
        text = text[found.end() :]
    text = ADVICE.sub("", SOURCE.sub("", text, count=1))
    return _cut(where + text) or type(error).__name__


def _cut(text: str) -> str:
    """Whole sentences where one ends early enough, else whole words."""
    if len(text) <= LONGEST:
        return text
    kept = text[:LONGEST]
    stop = kept.rfind(". ")
    return kept[: stop + 1] if stop > 0 else f"{kept.rsplit(' ', 1)[0]} ..."

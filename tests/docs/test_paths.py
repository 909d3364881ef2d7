"""What pages say of files is so: the paths they name exist, and what they quote stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
ROOMS = ("docs", "runtime", "slsc", "passes", "tools", "tests")
NATIVE = CHECKOUT / "runtime" / "native"
PAGES = sorted({*CHECKOUT.glob("*.md"), *(page for room in ROOMS for page in (CHECKOUT / room).rglob("*.md"))})
GUIDES = (*sorted((NATIVE / "docs").glob("add-*.md")), CHECKOUT / "docs" / "tutorial" / "deploy-c.md")


def named_paths(page: Path) -> list[str]:
    """`like/this.py` from the root, and in the engine's pages `src/like/this.cpp` from there."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.findall(rf"`((?:{'|'.join(ROOMS)}|src|fuzz|examples)/[\w./-]+)`", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_paths_that_a_page_names_exist(page):
    roots = [CHECKOUT, NATIVE] if page.is_relative_to(NATIVE) else [CHECKOUT]
    missing = [path for path in named_paths(page) if not any((root / path).exists() for root in roots)]
    assert not missing


def excerpts() -> list[str]:
    """Blocks whose first line is a comment with a path."""
    quoted = re.compile(r"^```\w+\n((?://|#) .*?)^```$", re.DOTALL | re.MULTILINE)
    return [text for page in GUIDES for text in quoted.findall(page.read_text())]


@pytest.mark.parametrize("excerpt", excerpts(), ids=lambda text: text.splitlines()[0])
def test_what_the_guides_quote_stands_in_the_file(excerpt):
    first, _, rest = excerpt.partition("\n")
    source = (CHECKOUT / first.split(maxsplit=1)[1]).read_text()
    assert all(part.strip("\n") in source for part in rest.split("...\n"))

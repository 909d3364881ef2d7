"""The page of a profile: whole in itself, safe whatever names hold, and laid out by a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from slsc.jobs.profile.page import FIGURES, page

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
VOID = {"meta", "rect", "circle", "line"}


def result(engine: str, median: float, **more: Any) -> dict[str, Any]:
    figures = dict.fromkeys(FIGURES, median)
    return {"engine": engine, "backend": "native", **figures, "milliseconds": [median, 1.5 * median], **more}


OPERATION = {"index": 0, "what": "conv 3x3 3>32 dense", "ms": 1.0, "share": 1.0, "gmac": 0.1, "gflops": 200.0}
UNTOLD = {**OPERATION, "index": 1, "what": "ReorderOutput", "gmac": None, "gflops": None}
RESULTS = [result("dense", 8.0, per_op=[OPERATION, UNTOLD]), result("1-8", 2.0, compared="4.00 x as fast")]


class Balanced(HTMLParser):
    """Collects text, and checks that what opens closes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        assert tag in VOID

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def texts(text: str) -> list[str]:
    parser = Balanced()
    parser.feed(text)
    assert parser.open == []
    return parser.texts


def test_it_says_what_was_measured() -> None:
    found = texts(page("net.slsb", "input 64x64", RESULTS))
    for words in (
        "net.slsb",
        "input 64x64",
        "1-8 on native",
        "4.00 x as fast",
        "conv 3x3 3>32 dense",
        "ReorderOutput",
        "2.0 ms",
    ):
        assert words in found


def test_it_needs_nothing_else() -> None:
    text = page("net.slsb", "about", RESULTS)
    assert not re.search(r"(src|href|url)\s*[=(]|<script|https?:", text)


def test_names_are_text() -> None:
    name = "<script>alert(1)</script>\"'&"
    text = page(name, name, [result(name, 1.0, compared=name)])
    assert "<script" not in text
    assert name in texts(text)


def test_bars_are_in_proportion() -> None:
    widths = [float(width) for width in re.findall(r'class="bar"[^>]* width="([\d.]+)"', page("n", "a", RESULTS))]
    assert widths[0] / widths[1] == pytest.approx(4, rel=0.01)


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_in_a_browser(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page("net.slsb", "about", RESULTS))
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    quiet += [
        "--disable-background-networking",
        "--disable-component-update",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    words = [str(BROWSER), *quiet, "--dump-dom", file.as_uri()]
    dumped = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120).stdout
    assert dumped.count("<circle") == 4
    assert "4.00 x as fast" in dumped

"""The documentation builds as a site without a warning, and no page of the repository points at what is not there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
ROOMS = ("docs", "runtime", "slsc")
PAGES = sorted({*CHECKOUT.glob("*.md"), *(page for room in ROOMS for page in (CHECKOUT / room).rglob("*.md"))})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
    done = subprocess.run([*command, "--config-file", CHECKOUT / "mkdocs.yml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_in_the_menu(site):
    menu = (site / "index.html").read_text()
    pages = (CHECKOUT / "docs").rglob("*.md")
    for page in (page for page in pages if page.parent.name != "figures"):
        html = page.relative_to(CHECKOUT / "docs").with_suffix(".html").as_posix()
        assert f'href="{html}"' in menu, html


def test_the_site_loads_nothing_from_elsewhere(site):
    loaded = re.compile(r'<(?:script|link|img)[^>]+(?:src|href)="(https?:)?//', re.IGNORECASE)
    for page in site.rglob("*.html"):
        assert not loaded.search(page.read_text()), page


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_links_between_files_lead_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:|#", target):
            assert (page.parent / target.partition("#")[0]).exists(), target

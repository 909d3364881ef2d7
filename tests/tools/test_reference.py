"""The generated pages of the reference are current, and say what the source says."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from slsc.cli.parser import VERBS
from slsc.onnx_torch.ops import OPS
from slsc.passes.lowering.operators import OPERATORS
from slsc.tools.reference.c_api import c_api_page, header_path
from slsc.tools.reference.command_line import command_line_page
from slsc.tools.reference.markdown import from_docstring
from slsc.tools.reference.operators import operators_page
from slsc.tools.reference.pages import PAGES
from slsc.tools.reference.python_api import python_api_page

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_current(name):
    text = (REFERENCE / name).read_text()
    assert text == PAGES[name](), "write it again: python -m slsc.tools.reference docs/reference"


def test_docstrings_become_markdown():
    blocks = from_docstring(
        """Open a file,
        for reading.

            open("x")

        1. First,
           at length.
        2. Second.

        Args:
            path: where it
                lies.
            mode: how.

        Returns:
            The
            file.

        Raises:
            OSError: it cannot be.
        """
    )
    assert blocks == [
        "Open a file, for reading.",
        '```text\nopen("x")\n```',
        "1. First, at length.\n2. Second.",
        "**Arguments**",
        "- `path`: where it lies.\n- `mode`: how.",
        "**Returns**",
        "- The file.",
        "**Raises**",
        "- `OSError`: it cannot be.",
    ]


def test_every_verb_and_option_is_there():
    page = command_line_page()
    from slsc.cli.parser import build_parser

    (verbs,) = (action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction))
    for verb in VERBS:
        _, _, section = page.partition(f"## slsc {verb}\n")
        section = section.partition("\n## ")[0]
        for action in verbs.choices[verb]._actions:
            where = page if action.dest in ("quiet", "verbose", "json") else section
            assert all(f"`{option}" in where for option in action.option_strings if action.dest != "help")


def test_options_that_exclude_each_other_are_told():
    page = command_line_page()
    assert "At most one of `--steps`, `--epochs`, `--hours`." in page
    assert "Exactly one of `--data`, `--pairs`." in page


def test_python_page_shows_calls_as_they_are_written():
    page = python_api_page()
    assert "def restore_tensor(batch: Batch) -> Batch" in page
    assert "def restore(\n    image: npt.NDArray[Any],\n    progress: TileProgress | None = None,\n    *,\n" in page
    assert "Session(\n    path: str | Path,\n    *,\n    backend: str | None = None,\n" in page
    assert "- `NO_BACKEND = 4`: The backend is missing, or refuses the engine." in page
    assert "_bundle" not in page and "__post_init__" not in page


def test_c_page_holds_every_function_of_the_header():
    page = c_api_page()
    declared = [line for line in header_path().read_text().splitlines() if line.startswith("SLSC_API ")]
    assert declared and all(line in page for line in declared)
    assert "#include" not in page and "extern" not in page


def test_operators_of_either_side_are_listed_once():
    names = [line.split("`")[1] for line in operators_page().splitlines() if line.startswith("| `")]
    assert sorted(set(names)) == names
    assert set(names) == {*OPS, *OPERATORS, "Conv"}


def test_pages_are_written_to_a_folder(tmp_path):
    command = [sys.executable, "-m", "slsc.tools.reference"]
    done = subprocess.run([*command, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == set(PAGES)
    failed = subprocess.run([*command, tmp_path / "none"], capture_output=True, text=True)
    assert failed.returncode == 2 and "not a folder" in failed.stderr

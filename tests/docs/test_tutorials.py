"""The tutorials do what they say: their blocks run in order, in a folder like the checkout.

A block of `sh` or `python` runs as it is written; one whose first line is `# not run by the tests: ...` is only parsed.
Lines of a block of `text` behind one of `sh` are lines of its output, figures aside; behind a `$` it is all output
of a command that may fail.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from slsc.cli.main import main
from slsc.cli.parser import VERBS, parse

CHECKOUT = Path(__file__).resolve().parents[2]
TUTORIALS = CHECKOUT / "docs" / "tutorial"
IN_ORDER = ("first-photo", "photos", "budget", "dense-layers", "deploy-c")
NOT_RUN = "# not run by the tests: "


class Block(NamedTuple):
    """One fenced block of a page."""

    language: str
    text: str


def blocks(page: str) -> list[Block]:
    text = (TUTORIALS / f"{page}.md").read_text()
    return [Block(*found) for found in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)]


def commands(text: str) -> list[str]:
    """Lines of a block of `sh`, continued ones joined, without comments."""
    lines = text.replace("\\\n", " ").splitlines()
    return [line.removeprefix("$ ") for line in lines if line and not line.startswith("#")]


def slsc_commands() -> Iterator[str]:
    for path in sorted(TUTORIALS.glob("*.md")):
        for language, text in blocks(path.stem):
            prompted = "\n".join(line for line in text.splitlines() if line.startswith("$ "))
            for command in commands(text if language == "sh" else prompted):
                if command.startswith("slsc "):
                    yield command


def same_but_for_figures(line: str) -> str:
    return " ".join(re.sub(r"\d[\d.,]*", "#", line).split())


class Reader:
    """Does what a page says, and remembers what came of it."""

    def __init__(self) -> None:
        self.output = ""

    def follow(self, block: Block) -> None:
        if block.text.startswith(NOT_RUN):
            return
        if block.language == "python":
            done = subprocess.run([sys.executable, "-c", block.text], capture_output=True, text=True)
            assert (done.returncode, done.stderr) == (0, ""), block.text
        elif block.language == "sh":
            self.output = ""
            for command in self.steps(block.text):
                assert self.run(command) == 0, f"{command}\n{self.output}"
        elif block.language == "text":
            self.compare(block.text)

    def steps(self, text: str) -> list[str]:
        """The commands of `slsc` one by one, in this process; anything else as one script."""
        found = commands(text)
        return found if all(command.startswith("slsc ") for command in found) else [text]

    def compare(self, text: str) -> None:
        if text.startswith("$ "):
            command, _, text = text.partition("\n")
            self.output = ""
            self.run(command.removeprefix("$ "))
            assert text == self.output
        made = {same_but_for_figures(line) for line in self.output.splitlines()}
        missing = [line for line in text.splitlines() if same_but_for_figures(line) not in made]
        assert not missing, self.output

    def run(self, command: str) -> int:
        if not command.startswith("slsc "):
            path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
            environment = {**os.environ, "PATH": path}
            done = subprocess.run(["bash", "-ec", command], capture_output=True, text=True, env=environment)
            self.output += done.stdout + done.stderr
            return done.returncode
        told = io.StringIO()
        with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
            code = main(shlex.split(command)[1:])
        self.output += told.getvalue()
        return code


@pytest.mark.parametrize("command", sorted(set(slsc_commands())))
def test_every_command_parses_as_written(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("my_photos", "DIV2K_train_HR", "Set14"):
        (tmp_path / folder).mkdir()
    assert parse(shlex.split(command, comments=True)[1:]).verb in VERBS


def test_the_tutorials_run_one_after_the_other(tmp_path, monkeypatch):
    for folder in ("slsc/zoo/pretrained", "runtime/native"):
        (tmp_path / folder).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / folder).symlink_to(CHECKOUT / folder)
    monkeypatch.chdir(tmp_path)
    reader = Reader()
    for page in IN_ORDER:
        for block in blocks(page):
            reader.follow(block)

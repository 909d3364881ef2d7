"""The README's commands parse as written, the cheap ones run, and its Python examples do what they say."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from slsc.cli.main import main
from slsc.cli.parser import VERBS, parse

CHECKOUT = Path(__file__).resolve().parent.parent
README = (CHECKOUT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


COMMANDS = [line.partition("  #")[0] for block in blocks("sh") for line in block.splitlines() if line]
PROMPTED = [line.removeprefix("$ ") for block in blocks("text") for line in block.splitlines() if line.startswith("$ ")]
SLSC = [command for command in (*COMMANDS, *PROMPTED) if command.startswith("slsc ")]


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the checkout, in which the README's compile command and photo have been made."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "out").mkdir()
    (folder / "slsc" / "zoo").mkdir(parents=True)
    (folder / "slsc" / "zoo" / "pretrained").symlink_to(CHECKOUT / "slsc" / "zoo" / "pretrained")
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (24, 32, 3), np.uint8)).save(folder / "out" / "photo.png")
    (command,) = (command for command in SLSC if command.startswith("slsc compile"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert (
            main(
                [*shlex.split(command)[1:], "--method", "uniform", "--range", "0:1", "--order", "RGB", "--force", "-q"]
            )
            == 0
        )
    return folder


@pytest.mark.parametrize("command", SLSC)
def test_every_command_parses_as_written(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_photos").mkdir()
    assert parse(shlex.split(command)[1:]).verb in VERBS


def test_every_verb_is_shown():
    assert {command.split()[1] for command in SLSC} == set(VERBS)
    assert all(f"| `{verb}` |" in README for verb in VERBS)


def test_the_two_commands_are_targets_of_the_makefile():
    targets = re.findall(r"^(\w+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    made = [command.split()[1] for command in COMMANDS if command.startswith("make ")]
    assert made == ["demo", "test"] and set(made) <= set(targets)
    assert "make test" in (CHECKOUT / ".ci" / "run").read_text()


@pytest.mark.parametrize("verb", ["run", "inspect", "check"])
def test_the_cheap_commands_run(verb, worked, monkeypatch):
    monkeypatch.chdir(worked)
    command = next(command for command in SLSC if command.startswith(f"slsc {verb}"))
    assert main(shlex.split(command)[1:]) == 0


@pytest.mark.parametrize("program", blocks("python"))
def test_the_programs_run(program, worked):
    done = subprocess.run([sys.executable, "-c", program], cwd=worked, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def excerpts() -> list[str]:
    text = (CHECKOUT / "CONTRIBUTING.md").read_text()
    return re.findall(r"```python\n(# .*?)```", text, re.DOTALL)


@pytest.mark.parametrize("excerpt", excerpts(), ids=lambda text: text.splitlines()[0])
def test_the_examples_of_contributing_are_in_the_tree(excerpt):
    first, _, rest = excerpt.partition("\n")
    source = (CHECKOUT / first.removeprefix("# ")).read_text()
    assert all(part.strip("\n") in source for part in rest.split("...\n"))

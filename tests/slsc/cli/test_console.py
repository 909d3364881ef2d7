"""What goes where: reports, notes, artefacts, progress, JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from slsc.cli.console import Console, table


def used(**options: bool) -> Console:
    console = Console("verb", **options)
    console.report("a report")
    console.note("a note")
    console.detail("a detail")
    console.artefact(Path("made.png"))
    console.result(figure=1.5)
    console.close(0)
    return console


@pytest.mark.parametrize(
    ("options", "out", "err"),
    [
        ({}, "a report\nmade.png\n", "a note\n"),
        ({"quiet": True}, "made.png\n", ""),
        ({"verbose": True}, "a report\nmade.png\n", "a note\na detail\n"),
    ],
)
def test_words_go_where_they_belong(capsys, options, out, err):
    used(**options)
    assert capsys.readouterr() == (out, err)


def test_names_out_of_files_are_not_obeyed(capsys):
    name = "conv\033[2J\a"
    console = Console("verb", verbose=True)
    console.report(f"two\nlines of {name}")
    console.note(name)
    console.detail(name)
    console.artefact(Path(f"{name}.png"))
    console.close(0)
    escaped = r"conv\x1b[2J\x07"
    assert capsys.readouterr() == (f"two\nlines of {escaped}\n{escaped}.png\n", f"{escaped}\n{escaped}\n")


def test_json_is_all_there_is_on_stdout(capsys):
    used(as_json=True)
    out, err = capsys.readouterr()
    assert json.loads(out) == {"command": "verb", "exit_code": 0, "figure": 1.5, "artefacts": ["made.png"]}
    assert err == "a note\n"


def test_numbers_that_json_does_not_know_are_null(capsys):
    console = Console("verb", as_json=True)
    console.result(psnr=math.inf, engines=[{"loss": math.nan, "psnr": 30.5}], size=(2, -math.inf))
    console.close(0)
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert (found["psnr"], found["engines"], found["size"]) == (None, [{"loss": None, "psnr": 30.5}], [2, None])


def test_warnings_are_in_the_json_object_too(capsys):
    console = Console("verb", quiet=True, as_json=True)
    console.warning("range: assumed")
    console.close(0)
    out, err = capsys.readouterr()
    assert json.loads(out)["warnings"] == ["range: assumed"] and err == ""


def test_an_error_names_no_artefact(capsys):
    console = Console("verb")
    console.artefact(Path("made.png"))
    console.close(1, {"what": "it failed"})
    assert capsys.readouterr().out == ""


def test_stages_are_silent_without_a_terminal_but_for_verbose(capsys):
    for verbose in (False, True):
        with Console("verb", verbose=verbose).stages() as progress:
            for stage in ("first", "second", "first"):
                for done in range(3):
                    progress(stage, done + 1, 3)
    assert capsys.readouterr() == ("", "first\nsecond\nfirst\n")


def test_a_cell_stays_on_its_line():
    assert table(["layer"], [["a\nconv 9.9 dB"]], "<").splitlines()[2:] == [r"a\nconv 9.9 dB"]


def test_table_aligns_columns():
    assert table(("name", "n"), [("a", 1), ("long name", 23)], "<>").splitlines() == [
        "name        n",
        "---------  --",
        "a           1",
        "long name  23",
    ]

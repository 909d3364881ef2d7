"""The frame of the command line: exit codes, one-line errors, `--json`, suggestions."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

from slsc.cli import main as cli
from slsc.cli.parser import VERBS
from slsc.errors import DataError


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = cli.main(words)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "VERB"),
        (("complie", "m.onnx"), "did you mean compile?"),
        (("frobnicate",), "slsc --help"),
        (("compile", "m.onnx", "--budgte", "1/8"), "did you mean --budget?"),
        (("compile", "m.onnx", "--budget", "1/8", "--jsn"), "did you mean --json?"),
        (("compile", "m.onnx"), "--budget"),
        (("compile", "m.onnx", "extra", "--budget", "1/2"), "unrecognized arguments: extra"),
        (("compile", "m.onnx", "--budget", "0"), "outside (0, 1]"),
        (("compile", "m.onnx", "--budget", "3/2"), "outside (0, 1]"),
        (("compile", "m.onnx", "--budget", "an eighth"), "not a number"),
        (("compile", "m.onnx", "--bud=1/8"), "unknown option '--bud'"),
        (("compile", "m.onnx", "--budget", "1/8", "-q", "-v"), "not allowed"),
    ],
)
def test_usage_errors_are_one_line_and_exit_2(capsys, words, says):
    code, out, err = run(capsys, *words)
    assert code == 2
    assert out == ""
    assert err.startswith("slsc: error: ") and err.count("\n") == 1
    assert says in err


def test_json_errors_are_one_object_on_stdout(capsys):
    code, out, err = run(capsys, "compile", "m.onnx", "--budget", "2", "--json")
    answer = json.loads(out)
    assert code == answer["exit_code"] == answer["error"]["exit_code"] == 2
    assert answer["command"] == "compile"
    assert answer["error"]["type"] == "BudgetError"
    assert "outside (0, 1]" in err


def test_a_fault_of_ours_is_told_apart_from_a_users_mistake(capsys, monkeypatch):
    monkeypatch.setattr(cli, "verb_module", lambda verb: 1 / 0)
    code, _, err = run(capsys, "compile", "m.onnx", "--budget", "1/8")
    assert code == cli.EXIT_FAULT
    assert "ZeroDivisionError" in err and "-v" in err and "Traceback" not in err
    assert run(capsys, "compile", "m.onnx", "--budget", "1/8", "-v")[2].startswith("Traceback")


def test_an_error_raised_on_purpose_has_a_traceback_only_of_what_lies_beneath_it(capsys, monkeypatch):
    def verb_module(verb: str) -> None:
        raise DataError("2 of 5 photos could not be restored") from beneath

    monkeypatch.setattr(cli, "verb_module", verb_module)
    beneath = None
    assert run(capsys, "inspect", "m.onnx", "-v")[2] == "slsc: error: 2 of 5 photos could not be restored\n"
    beneath = RuntimeError("the photo's reader broke")
    assert "RuntimeError: the photo's reader broke" in run(capsys, "inspect", "m.onnx", "-v")[2]


@pytest.mark.parametrize(
    ("raised", "code", "says"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(28, "No space left on device", "x.slsb"), 3, "x.slsb"),
        (PermissionError(13, "Permission denied", "x.slsb"), 2, "Permission denied"),
        (MemoryError(), 3, "out of memory"),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), 4, "pip install"),
    ],
)
def test_what_the_system_raises_becomes_a_line_and_an_exit_code(capsys, monkeypatch, raised, code, says):
    def verb_module(verb: str) -> None:
        raise raised

    monkeypatch.setattr(cli, "verb_module", verb_module)
    got, _, err = run(capsys, "compile", "m.onnx", "--budget", "1/8")
    assert got == code
    assert says in err and err.count("\n") == 1


def test_help_of_every_verb_comes_from_its_docstring(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--help"])
    overview = capsys.readouterr().out
    for verb in VERBS:
        assert f"\n    {verb} " in overview
        with pytest.raises(SystemExit, match="0"):
            cli.main([verb, "--help"])
        page = capsys.readouterr().out
        assert "--json" in page and "--quiet" in page


def test_python_dash_m_is_the_command():
    done = subprocess.run([sys.executable, "-m", "slsc", "nope"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "slsc: error: unknown verb 'nope'; see slsc --help\n"


@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_no_exit_code(closed, model_path):
    script = f'"$0" -m slsc inspect "$1" {closed}; a=$?; "$0" -m slsc inspect "$1.none" {closed}; echo $a $?'
    words = ["sh", "-c", script, sys.executable, str(model_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.splitlines()[-1] == "0 2"
    assert closed != "2>&-" or "layers" in done.stdout
    assert done.stderr == "" or closed == ">&-"


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")
@pytest.mark.parametrize(
    ("words", "streams", "code"),
    [
        ("inspect {model} --json", "> /dev/full", 3),
        ("inspect {model}", "> /dev/full", 3),
        ("inspect {model}.not --json", "> /dev/full 2> /dev/full", 2),
        ("inspect {model}.not", "2> /dev/full", 2),
    ],
)
def test_streams_that_are_full_change_no_exit_code(words, streams, code, model_path):
    command = f"{sys.executable} -m slsc {words.format(model=model_path)} {streams}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.returncode == code
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    if "2>" not in streams:
        assert "No space left" in done.stderr


def test_an_interrupt_while_modules_load_ends_quietly(tmp_path):
    script = tmp_path / "entry.py"
    script.write_text(
        "import os, signal, sys\n"
        "sys.argv = ['slsc', '--version']\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'slsc.cli.parser':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from slsc.cli.entry import main\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "slsc: interrupted\n")


@pytest.mark.parametrize(
    ("raised", "code", "says"),
    [
        (ImportError("libx.so: failed to map segment from shared object", name="x"), 3, "out of memory"),
        (ImportError("advice\n\nOriginal error was: cannot allocate memory"), 3, "out of memory"),
        (ImportError("advice\n\nno such symbol\n", name="numpy"), 4, "'numpy' cannot be loaded: no such symbol"),
        (RuntimeError("can't start new thread"), 3, "no more threads"),
    ],
)
def test_what_cannot_be_loaded_or_started(capsys, monkeypatch, raised, code, says):
    def verb_module(verb: str) -> None:
        raise raised

    monkeypatch.setattr("slsc.cli.main.verb_module", verb_module)
    parsed = argparse.Namespace(verb="run", quiet=False, verbose=False, json=False)
    monkeypatch.setattr("slsc.cli.main.parse", lambda words: parsed)
    found, _, err = run(capsys, "run")
    assert found == code and says in err and err.count("\n") == 1


def test_names_that_no_file_can_have(capsys, tmp_path, model_path):
    long = tmp_path / ("x" * 251 + ".onnx")
    for words in (
        ("compile", model_path, "--budget", "1/4", "-o", long.with_suffix(".slsb")),
        ("train", "--data", tmp_path, "--steps", "1", "-o", tmp_path / ("x" * 246 + ".onnx")),
        ("run", "b.slsb", "p.png", "-o", tmp_path / ("y" * 300 + ".png")),
    ):
        code, _, err = run(capsys, *map(str, words))
        assert code == 2 and "too long" in err and not list(tmp_path.glob("[xy]*"))

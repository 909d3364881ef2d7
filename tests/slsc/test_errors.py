"""The error line and the exit codes."""

from __future__ import annotations

import pytest

from slsc import errors
from slsc.errors import BackendError, BudgetError, BundleError, ModelError, ResourceError, SlscError, VerificationError


def test_an_error_is_one_line_of_where_what_why_and_hint():
    error = ModelError("is not ONNX", where="a.onnx", why="bad\nbytes", hint="export it again")
    assert str(error) == "a.onnx: is not ONNX: bad bytes; export it again"
    assert str(SlscError("broke")) == "broke"


def test_what_a_terminal_would_obey_is_escaped_in_the_line_alone():
    error = ModelError("no operator F\033[2J\033]0;owned\a", where="\u202egnp.exe", why="lone \ud800")
    assert str(error) == r"\u202egnp.exe: no operator F\x1b[2J\x1b]0;owned\x07: lone \ud800"
    assert error.to_dict()["where"] == "\u202egnp.exe"


def test_exit_codes_follow_the_kind_of_error():
    codes = {ModelError: 2, BudgetError: 2, VerificationError: 1, BackendError: 4, ResourceError: 3}
    assert {kind: kind("x").exit_code for kind in codes} == codes
    assert BudgetError("cannot be reached", exit_code=3).exit_code == 3
    assert BudgetError("x").exit_code == 2
    assert BundleError("TRUNCATED", "x").exit_code == 1


def test_errors_are_json_ready():
    data = BundleError("TRUNCATED", "ends early", where="a.slsb", hint="copy it again").to_dict()
    assert data == {
        "type": "BundleError",
        "what": "ends early",
        "where": "a.slsb",
        "why": None,
        "hint": "copy it again",
        "exit_code": 1,
        "code": "TRUNCATED",
    }


@pytest.mark.parametrize(
    "kind", [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
)
def test_every_error_is_a_slsc_error(kind):
    assert issubclass(kind, SlscError)

"""What is declared of the methods, and that the command line says it."""

from __future__ import annotations

import pytest

from slsc.cli.main import main
from slsc.errors import UsageError
from slsc.methods import METHODS, SPARSE, STARTS, help_on, method_of


def test_a_method_is_found_by_its_name_or_the_names_there_are_are_told():
    assert all(method_of(name).name == name for name in METHODS)
    with pytest.raises(UsageError, match=f"'magic'.*{', '.join(METHODS)}"):
        method_of("magic")
    with pytest.raises(UsageError, match=r"'dense'.*oneshot, uniform"):
        method_of("dense", SPARSE)


def test_only_what_prunes_to_a_budget_can_be_done_without_training():
    assert all(method.needs_budget or method.needs_training for method in METHODS.values())
    assert all(set(method.starts) <= set(STARTS) for method in METHODS.values())


@pytest.mark.parametrize(("verb", "offered"), [("compile", SPARSE), ("train", METHODS)])
def test_the_help_of_a_verb_tells_what_each_of_its_methods_does(verb, offered, capsys):
    with pytest.raises(SystemExit):
        main([verb, "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert help_on(offered.values()) in said

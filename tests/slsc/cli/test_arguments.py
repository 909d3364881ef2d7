"""The options of a network's interface, as what is known of it."""

from __future__ import annotations

import argparse

import pytest

from slsc.cli.arguments import add_interface_options, known_interface
from slsc.errors import UsageError
from slsc.probe import Form, Known
from slsc.probe.convention import IMAGENET
from slsc.runtime.bundle.value_range import UNIT, ValueRange

MEAN, STD = "0.485,0.456,0.406", "0.229,0.224,0.225"


def known(*words: str) -> Known:
    parser = argparse.ArgumentParser()
    add_interface_options(parser)
    return known_interface(parser.parse_args(words))


def test_nothing_is_known_without_options() -> None:
    assert known() == Known()


def test_input_and_output_are_given_apart() -> None:
    assert known("--range", "0:1", "--output-range=-1:1") == Known(input=UNIT, output=ValueRange.uniform(-1, 1))
    assert known("--range", "0:1", "--output-range", "same") == Known(input=UNIT, output=UNIT)


def test_a_mean_and_a_deviation_are_a_range() -> None:
    assert known("--mean", MEAN, "--std", STD).input == IMAGENET
    levels = known("--mean", "123.675,116.28,103.53", "--std", "58.395,57.12,57.375").input
    assert (
        levels is not None and levels.low == pytest.approx(IMAGENET.low) and levels.high == pytest.approx(IMAGENET.high)
    )
    assert known("--mean", "0.5", "--std", "0.5").input == ValueRange.uniform(-1, 1)
    assert known("--mean", "0.4,0.5,0.6", "--std", "1").input == ValueRange((-0.4, -0.5, -0.6), (0.6, 0.5, 0.4))


def test_a_residual_is_said_by_its_sign() -> None:
    assert [known("--residual", word).form for word in ("no", "subtract", "add")] == list(Form)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--mean", MEAN), "go together"),
        (("--mean", MEAN, "--std", STD, "--range", "0:1"), "go together"),
        (("--mean", MEAN, "--std", "0.2,0.2"), "do not match"),
        (("--mean", MEAN, "--std", "0.2,0,0.2"), "do not match"),
        (("--mean", "0.4,x", "--std", "1"), "no list of numbers"),
        (("--mean", "nan", "--std", "1"), "without bound"),
        (("--range", "0:1e9"), "not within"),
        (("--output-range", "same"), "needs a range"),
    ],
)
def test_what_does_not_go_together_is_refused(words: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        known(*words)

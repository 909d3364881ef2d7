"""What of a file's text reaches a terminal as it is."""

from __future__ import annotations

import pytest

from slsc.printable import printable


@pytest.mark.parametrize("text", ["", "conv_1/weight:0", "größe 東京", "a\u00a0b", "C:\\photos"])
def test_what_only_shows_stays(text):
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\033[31m", r"\x1b[31m"),
        ("\x9b2J", r"\x9b2J"),
        ("a\r\nb", r"a\r\nb"),
        ("\u202etxt", r"\u202etxt"),
        ("a\u2028b", r"a\u2028b"),
        ("\ud800", r"\ud800"),
        ("\U000e0001", r"\U000e0001"),
    ],
)
def test_what_acts_is_written_out(text, shown):
    assert printable(text) == shown


def test_what_is_kept_acts():
    assert printable("a\n\tb\a", keep="\n\t") == "a\n\tb\\x07"

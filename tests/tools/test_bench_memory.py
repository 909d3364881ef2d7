from __future__ import annotations

import sys

import pytest

from slsc.errors import UsageError
from slsc.tools.bench_memory import Measurement, input_size, markdown, measure, sample_photo, sizes


def test_sizes() -> None:
    assert sizes("1,2.5") == [1.0, 2.5]
    for text in ("", "a", "0", "1,,2", "-1"):
        with pytest.raises(UsageError):
            sizes(text)


@pytest.mark.parametrize("megapixels", [1, 8, 33.1776])
@pytest.mark.parametrize("scale", [1, 2, 4])
def test_input_size_gives_the_output_asked_for(megapixels: float, scale: int) -> None:
    height, width = input_size(megapixels, scale)
    assert height * width * scale**2 == pytest.approx(megapixels * 1e6, rel=0.01)
    assert width / height == pytest.approx(16 / 9, rel=0.01)


def test_measures_the_memory_of_each_child_alone() -> None:
    def peak(mebibytes: int) -> int:
        return measure([sys.executable, "-c", f"x = bytearray(b'x') * ({mebibytes} << 20)"])[1]

    large, small = peak(120), peak(1)
    assert large > 120 << 20
    assert large - small > 100 << 20


def test_a_failing_command_is_an_error() -> None:
    with pytest.raises(UsageError, match="exit code 3"):
        measure([sys.executable, "-c", "raise SystemExit(3)"])


def test_photo_and_table() -> None:
    pytest.importorskip("skimage")
    assert sample_photo(700, 900).shape == (700, 900, 3)
    table = markdown([Measurement(1080, 1920, 4.0, 100 << 20)])
    assert table.splitlines()[-1] == "| 1920x1080 | 2.1 | 4.0 | 1.93 | 100 |"

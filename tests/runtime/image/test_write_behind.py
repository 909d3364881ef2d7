"""Writing behind: in order, and nothing goes on once it failed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from slsc.runtime.image.write_behind import write_behind


def bands(closed: list[bool]) -> Iterator[np.ndarray]:
    try:
        for value in range(5):
            yield np.full((1, 2, 3), value)
    finally:
        closed.append(True)


def test_bands_are_written_in_order() -> None:
    written: list[int] = []
    write_behind(bands([]), lambda band: written.append(int(band[0, 0, 0])))
    assert written == [0, 1, 2, 3, 4]


def test_what_makes_bands_is_stopped_before_an_error_of_writing_leaves() -> None:
    """While the error is held, and with it all that its traceback refers to."""
    closed: list[bool] = []

    def write(band: np.ndarray) -> None:
        if band[0, 0, 0] == 2:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space") as held:
        write_behind(bands(closed), write)
    assert held.value.__traceback__ is not None and closed == [True]

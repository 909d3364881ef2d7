"""Pictures drawn like pages and slides."""

from __future__ import annotations

import numpy as np

from slsc.data.graphics import drawn


def test_a_seed_gives_one_picture_and_another_gives_another() -> None:
    first = drawn(96, (0, 1))
    assert first.shape == (96, 96, 3) and first.dtype == np.uint8
    assert np.array_equal(first, drawn(96, (0, 1))) and not np.array_equal(first, drawn(96, (0, 2)))


def test_full_colours_meet_in_sharp_edges() -> None:
    pictures = np.stack([drawn(128, (0, index)) for index in range(16)])
    pure = (pictures == 0) | (pictures == 255)
    assert pure.mean() > 0.9
    steps = np.abs(np.diff(pictures.astype(int), axis=2)).max(-1)
    assert ((steps == 255).any((1, 2))).mean() > 0.9

"""The picture of a choice shows every region in its candidate's colour, and says what they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from slsc.jobs.run.map_picture import LINE, MARGIN, colours, map_picture, write_map
from slsc.runtime.adaptive.wish import Choice

CHOICE = Choice(
    np.array([[0, 1, 2], [2, 1, 0]], np.uint8),
    ("bicubic", "1-8", "1-4"),
    (24, 24),
    (40, 60),
    (0.4, 0.3, 0.3),
    0.1,
    0.2,
    True,
    0.1,
)


def test_every_region_has_its_candidates_colour_and_a_line_tells_it() -> None:
    pixels = np.asarray(map_picture(CHOICE))
    palette = colours(3)
    assert len(np.unique(palette, axis=0)) == 3
    assert np.array_equal(pixels[0, 0], palette[0]) and np.array_equal(pixels[39, 0], palette[2])
    assert np.array_equal(pixels[23, 47], palette[1]) and np.array_equal(pixels[24, 59], palette[0])
    for index in range(3):
        assert np.array_equal(pixels[40 + MARGIN + LINE * index + 6, MARGIN + 4], palette[index])


def test_it_is_written_as_png(tmp_path: Path) -> None:
    write_map(tmp_path / "map.png", CHOICE)
    with Image.open(tmp_path / "map.png") as picture:
        assert picture.format == "PNG" and picture.height > 40

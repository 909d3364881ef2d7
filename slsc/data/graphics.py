"""Pictures drawn like pages and slides: text, blocks and lines in full colours, which photos do not have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

BLOCKS, LINES = 4, 3
"""Most of them in a picture."""

SIZES = (10, 64)
"""Least and greatest height of letters, pixels."""


def drawn(side: int, seed: Sequence[int]) -> npt.NDArray[np.uint8]:
    """A picture, (side, side, 3) RGB; the same `seed` gives the same.

    Every colour is a corner of the RGB cube, black and white as often as all others together.
    """
    generator = np.random.default_rng(seed)
    picture = Image.new("RGB", (side, side), _colour(generator))
    draw = ImageDraw.Draw(picture)
    for _ in range(generator.integers(BLOCKS + 1)):
        draw.rectangle(_box(generator, side), fill=_colour(generator))
    for _ in range(generator.integers(LINES + 1)):
        draw.line(_box(generator, side), fill=_colour(generator), width=int(generator.integers(1, 9)))
    top = 0
    while top < side:
        size = int(generator.integers(*SIZES))
        text = "".join(generator.choice(list(LETTERS + "    "), 2 * side // size))
        left = -int(generator.integers(size))
        draw.text((left, top), text, fill=_colour(generator), font=ImageFont.load_default(size))
        top += size + int(generator.integers(size))
    return np.asarray(picture)


def _colour(generator: np.random.Generator) -> tuple[int, int, int]:
    if generator.integers(2):
        return (0, 0, 0) if generator.integers(2) else (255, 255, 255)
    red, green, blue = (255 * int(bit) for bit in generator.integers(2, size=3))
    return red, green, blue


def _box(generator: np.random.Generator, side: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of a rectangle within the picture or beyond."""
    ends = generator.integers(-side // 4, side + side // 4, size=4)
    left, right = sorted((int(ends[0]), int(ends[1])))
    top, bottom = sorted((int(ends[2]), int(ends[3])))
    return left, top, right, bottom

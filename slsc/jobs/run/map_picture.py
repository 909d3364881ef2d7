"""A picture of the choice that a photo's regions were given, with its legend."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from slsc.runtime.adaptive.regions import Regions
from slsc.runtime.adaptive.wish import Choice
from slsc.runtime.atomic import staged

CHEAP, DEAR = (68, 1, 84), (253, 231, 37)
MIDDLE = (33, 145, 140)
"""Colours from the cheapest candidate to the dearest, told apart in grey as well."""

MOST_PIXELS = 4 << 20
"""Photos of more are drawn smaller."""

LINE, MARGIN, WIDTH = 16, 6, 420
"""Height of a line of the legend, space around it, and its least width, pixels."""


def colours(count: int) -> np.ndarray:
    """(count, 3) uint8, from the cheapest candidate on."""
    at = np.linspace(0, 1, count)
    planes = zip(CHEAP, MIDDLE, DEAR, strict=True)
    return np.stack([np.interp(at, (0, 0.5, 1), plane) for plane in planes], 1).round().astype(np.uint8)


def map_picture(choice: Choice) -> Image.Image:
    """Every input pixel in the colour of its candidate; below, their names and shares, and what the photo costs.

    Of photos of more than `MOST_PIXELS` regions take fewer pixels than they have.
    """
    palette = colours(len(choice.candidates))
    smaller = min(1.0, (MOST_PIXELS / (choice.map.size * choice.size[0] * choice.size[1])) ** 0.5)
    size = (max(1, int(choice.size[0] * smaller)), max(1, int(choice.size[1] * smaller)))
    whole = (size[0] * choice.map.shape[0], size[1] * choice.map.shape[1])
    height, width = choice.hw if size == choice.size else whole
    pixels = palette[Regions(height, width, size).spread(choice.map)]
    lines = [f"{name}: {share:.1%}" for name, share in zip(choice.candidates, choice.shares, strict=True)]
    loss = "" if choice.loss is None else f", {choice.loss:.2f} dB to it as estimated"
    lines.append(f"cost: {choice.cost:.4f} of the dense network{loss}")
    height, width = pixels.shape[:2]
    picture = Image.new("RGB", (max(width, WIDTH), height + 2 * MARGIN + LINE * len(lines)), "white")
    picture.paste(Image.fromarray(pixels), (0, 0))
    draw = ImageDraw.Draw(picture)
    for index, line in enumerate(lines):
        top = height + MARGIN + LINE * index
        if index < len(palette):
            draw.rectangle((MARGIN, top + 2, MARGIN + 12, top + 12), fill=tuple(palette[index].tolist()))
        draw.text((MARGIN + 20, top), line, fill="black")
    return picture


def write_map(path: Path, choice: Choice) -> None:
    """Write `map_picture` as PNG, whole or not at all.

    Raises:
        UsageError: the place cannot be written.
    """
    with staged(path) as (stream, _):
        map_picture(choice).save(stream, "PNG")

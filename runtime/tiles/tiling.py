"""Cutting an image into overlapping tiles: pure arithmetic along one axis, in input pixels.

All tiles of an image have the same extent, also at the borders, where a tile reaches further inwards instead of past
the border: a backend then sees one shape only (its buffers are reused), and zero padding happens at true borders
only, inside the network. The work is the same as with tiles cut short at the borders.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Span:
    """One tile along one axis.

    Attributes:
        start: first pixel given to the network.
        stop: the one after the last.
        core_start: first pixel whose output is kept.
        core_stop: the one after the last.
    """

    start: int
    stop: int
    core_start: int
    core_stop: int


@dataclass(frozen=True)
class Tile:
    """A rectangle to restore: one span along each axis."""

    rows: Span
    columns: Span


def round_up(value: int, multiple: int) -> int:
    """The smallest multiple of `multiple` that is at least `value`."""
    return -(-value // multiple) * multiple


def even_extent(size: int, largest: int, halo: int, align: int) -> int:
    """The extent which cuts `size` pixels into as few and as even tiles as extents up to `largest` allow.

    Dividing first and sizing afterwards avoids a ragged last tile (1024 and 176 pixels instead of 600 and 600).

    Raises:
        ValueError: `largest` leaves no core between its two halos, and does not hold the whole image either.
    """
    if size <= largest:
        return size
    reach = _reach(largest, halo, align)
    count = -(-(size - 2 * halo) // reach)
    return round_up(-(-(size - 2 * halo) // count), align) + 2 * halo


def spans(size: int, extent: int, halo: int, align: int) -> tuple[Span, ...]:
    """Tiles of one extent that cover an axis; neighbours overlap by at least two halos and meet in the middle.

    Args:
        size: pixels along the axis.
        extent: pixels given to the network per tile. Only the last tile may get fewer, when `size` and `extent` differ
            by no multiple of `align`.
        halo: pixels that must surround every core except at the borders of the image.
        align: every tile starts at a multiple of this.

    Raises:
        ValueError: `extent` leaves no core between its two halos.
    """
    if size <= extent:
        return (Span(0, size, 0, size),)
    last = round_up(size - extent, align)
    count = -(-last // _reach(extent, halo, align)) + 1
    # Rounding a mean step of at most the reach, itself a multiple of align, never makes a step longer than the reach.
    starts = [round_up(last * index // (count - 1), align) for index in range(count)]
    stops = [min(start + extent, size) for start in starts]
    cuts = [0, *((right + left) // 2 for right, left in zip(starts[1:], stops[:-1], strict=True)), size]
    return tuple(Span(*edges) for edges in zip(starts, stops, cuts[:-1], cuts[1:], strict=True))


def _reach(extent: int, halo: int, align: int) -> int:
    reach = (extent - 2 * halo) // align * align
    if reach < 1:
        raise ValueError(f"a tile of {extent} pixels leaves no core between halos of {halo} (align {align})")
    return reach


def split(tile: Tile, halo: int, align: int) -> tuple[Tile, ...]:
    """Cut a tile in two along its longer side, each part with its own halo.

    Raises:
        ValueError: the tile is too small to be cut.
    """
    tall = tile.rows.stop - tile.rows.start >= tile.columns.stop - tile.columns.start
    whole = tile.rows if tall else tile.columns
    size = whole.stop - whole.start
    half = round_up(-(-(size - 2 * halo) // 2), align) + 2 * halo
    if half >= size:
        raise ValueError(f"a tile of {size} pixels with a halo of {halo} cannot be halved")
    parts = []
    for span in spans(size, half, halo, align):
        core_start = max(span.core_start + whole.start, whole.core_start)
        core_stop = min(span.core_stop + whole.start, whole.core_stop)
        if core_start < core_stop:
            part = Span(span.start + whole.start, span.stop + whole.start, core_start, core_stop)
            parts.append(Tile(part, tile.columns) if tall else Tile(tile.rows, part))
    return tuple(parts)


def cut_out(pixels: npt.NDArray[Any], tile: Tile) -> npt.NDArray[Any]:
    """The extent of a tile from an HxWxC image, mirrored at the bottom and right border where the tile goes beyond."""
    for axis, span in enumerate((tile.rows, tile.columns)):
        if span.stop <= pixels.shape[axis]:
            pixels = pixels[(slice(None),) * axis + (slice(span.start, span.stop),)]
        else:
            pixels = np.take(pixels, _mirrored(span, pixels.shape[axis]), axis)
    return pixels


def _mirrored(span: Span, size: int) -> npt.NDArray[np.intp]:
    places = np.arange(span.start, span.stop) % (2 * size)
    return np.where(places < size, places, 2 * size - 1 - places)


def slices(start: int, stop: int, step: int) -> Iterator[tuple[int, int]]:
    """Consecutive pieces of at most `step` that cover start..stop."""
    for at in range(start, stop, step):
        yield at, min(at + step, stop)

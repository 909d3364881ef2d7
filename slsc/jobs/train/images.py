"""The images of a training run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from slsc.data.degradations import open_reduced
from slsc.data.images import list_images
from slsc.data.keeping import opened
from slsc.data.layouts import PathPair, find_pairs, known_pairs, open_pair
from slsc.data.motion import open_blurred
from slsc.data.patches import Pair
from slsc.errors import UsageError
from slsc.runtime.bundle.manifest import ImageIO

Bars = Callable[[int | None, str, str], "tqdm[Any]"]
"""Makes a progress bar from total, label and unit."""


BLURS = 4
"""Pairs made of one sharp image, each with a motion of its own."""


def load_images(
    data: Path | None,
    pairs: tuple[Path, Path] | None,
    io: ImageIO,
    patch: int,
    bars: Bars,
    motion_seed: int | None = None,
) -> list[Pair]:
    """(input, wanted output) images; none where neither folder is given.

    Args:
        data: a data set of a known layout, whose pairs are taken; else a folder of wanted outputs whose inputs are
            made, by MATLAB's bicubic for super-resolution.
        pairs: folders of inputs and of wanted outputs.
        io: of the network they are for.
        patch: least side of the inputs in pixels.
        bars: makes the bar of the reading.
        motion_seed: of the motion blur that makes the inputs of a same-size network; None for no blur.

    Raises:
        UsageError: it is not known how to make inputs.
        DataError: no image, one without partner, or one that cannot be used; names the file.
    """
    if motion_seed is not None and io.scale > 1:
        raise UsageError("motion blur makes inputs of deblurring networks", why=f"this one enlarges {io.scale} times")
    if pairs is not None:
        return _paired(find_pairs(pairs, io.scale), pairs[0], io, patch, bars)
    if data is None:
        return []
    known = known_pairs(data, io.scale)
    if known is not None:
        return _paired(known, data, io, patch, bars)
    if motion_seed is not None:
        return _blurred(data, motion_seed, patch, bars)
    return _made(data, io, patch, bars)


def _paired(found: list[PathPair], folder: Path, io: ImageIO, patch: int, bars: Bars) -> list[Pair]:
    with bars(len(found), f"reading {folder.name}", "pair") as bar:
        return opened(found, partial(open_pair, scale=io.scale, patch=patch), bar.update)


def _made(folder: Path, io: ImageIO, patch: int, bars: Bars) -> list[Pair]:
    if io.scale == 1:
        raise UsageError(
            "a network that keeps the size needs pairs to train on",
            where=str(folder),
            why="the folder is not laid out as GOPRO or REDS",
            hint="use --pairs LQ HQ, or --motion-blur for a deblurring network",
        )
    paths = list_images(folder)
    with bars(len(paths), f"reading {folder.name}", "image") as bar:
        return opened(paths, partial(open_reduced, scale=io.scale, patch=patch), bar.update)


def _blurred(folder: Path, seed: int, patch: int, bars: Bars) -> list[Pair]:
    planned = [(path, (seed, place, turn)) for place, path in enumerate(list_images(folder)) for turn in range(BLURS)]
    with bars(len(planned), f"blurring {folder.name}", "pair") as bar:
        return opened(planned, lambda plan: open_blurred(*plan, patch), bar.update)

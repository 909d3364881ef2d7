"""The images of a training run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from slsc.data.images import list_images, open_rgb
from slsc.data.patches import Pair, load_pairs
from slsc.errors import DataError, UsageError
from slsc.runtime.manifest import ImageIO

Bars = Callable[[int | None, str, str], "tqdm[Any]"]
"""Makes a progress bar from total, label and unit."""


def load_images(data: Path | None, pairs: tuple[Path, Path] | None, io: ImageIO, patch: int, bars: Bars) -> list[Pair]:
    """(input, wanted output) images: of two folders, or made of one; none where neither is given.

    Raises:
        UsageError: it is not known how to make inputs.
        DataError: an image that cannot be used.
    """
    if pairs is not None:
        return _paired(*pairs, io, patch, bars)
    return [] if data is None else _made(data, io, patch, bars)


def _made(folder: Path, io: ImageIO, patch: int, bars: Bars) -> list[Pair]:
    """The images of a folder, and the inputs the network would have been given for them."""
    if io.scale == 1:
        raise UsageError("a network that keeps the size needs pairs to train on", hint="use --pairs LQ HQ")
    paths = list_images(folder)
    with bars(len(paths), f"reading {folder.name}", "image") as bar:
        return load_pairs(paths, io.scale, patch, bar.update)


def _paired(low: Path, high: Path, io: ImageIO, patch: int, bars: Bars) -> list[Pair]:
    """Images of one name in two folders, those in `high` exactly `io.scale` times larger."""
    inputs, wanted = (
        {path.relative_to(root).with_suffix(""): path for path in list_images(root)} for root in (low, high)
    )
    if lonely := sorted(inputs.keys() ^ wanted.keys()):
        path, looked = inputs.get(lonely[0]) or wanted[lonely[0]], high if lonely[0] in inputs else low
        raise DataError(
            "no image of the same name", where=str(path), why=f"looked in {looked}", hint="name pairs alike"
        )
    with bars(len(inputs), f"reading {low.name}", "image") as bar:
        return list(_opened(((inputs[name], wanted[name]) for name in inputs), io.scale, patch, bar.update))


def _opened(paths: Iterable[tuple[Path, Path]], scale: int, patch: int, done: Callable[[], object]) -> Iterable[Pair]:
    for low, high in paths:
        pair = open_rgb(low), open_rgb(high)
        rows, columns = pair[0].shape[:2]
        if pair[1].shape[:2] != (rows * scale, columns * scale):
            found = f"{pair[1].shape[1]}x{pair[1].shape[0]}"
            why = f"its partner is {found}, x{scale} makes {columns * scale}x{rows * scale}"
            raise DataError("the pair does not fit the scale", where=str(low), why=why, hint="crop the pairs to match")
        if min(rows, columns) < patch:
            why = f"its smallest side is {min(rows, columns)} pixels, a patch takes {patch}"
            raise DataError("image too small", where=str(low), why=why, hint="remove it, or use a smaller --patch")
        yield pair
        done()

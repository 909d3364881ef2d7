"""The images of a training run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from slsc.data.degrade import open_reduced
from slsc.data.images import list_images
from slsc.data.keeping import opened
from slsc.data.layouts import find_pairs, known_pairs, open_pair
from slsc.data.patches import Pair
from slsc.errors import UsageError
from slsc.runtime.manifest import ImageIO

Bars = Callable[[int | None, str, str], "tqdm[Any]"]
"""Makes a progress bar from total, label and unit."""


def load_images(data: Path | None, pairs: tuple[Path, Path] | None, io: ImageIO, patch: int, bars: Bars) -> list[Pair]:
    """(input, wanted output) images: of two folders or of a data set, or made of one folder; none for neither.

    Raises:
        UsageError: it is not known how to make inputs.
        DataError: an image that cannot be used.
        ResourceError: no room for the decoded images.
    """
    if data is None and pairs is None:
        return []
    found = find_pairs(pairs, io.scale) if pairs else known_pairs(data, io.scale) if data else None
    if found is not None:
        with bars(len(found), "reading pairs", "image") as bar:
            return opened(found, partial(open_pair, scale=io.scale, patch=patch), bar.update)
    assert data is not None
    if io.scale == 1:
        raise UsageError("a network that keeps the size needs pairs to train on", hint="use --pairs LQ HQ")
    paths = list_images(data)
    with bars(len(paths), f"reading {data.name}", "image") as bar:
        return opened(paths, partial(open_reduced, scale=io.scale, patch=patch), bar.update)
